/** Threads of Node that run a file of this folder, whether it is built or still TypeScript. */
import { Worker } from 'node:worker_threads';

/**
 * Starts a thread.
 * @param name name of the file beside this one, without its ending
 */
export function startThread(name: string, workerData: unknown): Worker {
  if (import.meta.url.endsWith('.js')) return new Worker(new URL(`./${name}.js`, import.meta.url), { workerData });
  // As TypeScript, under tests or tsx: a Node thread reads TypeScript only after tsx has been registered in it.
  const tsx = import.meta.resolve('tsx/esm/api');
  const file = new URL(`./${name}.ts`, import.meta.url).href;
  const start = `import(${JSON.stringify(tsx)}).then(({ register }) => { register(); return import(${JSON.stringify(file)}); })`;
  return new Worker(start, { workerData, eval: true });
}
