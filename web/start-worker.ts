/** Starts the worker of the page, which is a file beside it. */

export function startWorker(): Worker {
  return new Worker(new URL('./worker.ts', import.meta.url), { type: 'module' });
}
