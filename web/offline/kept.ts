/**
 * What the browser keeps of the page, so that it opens without its server: its files, and the models of the run. A
 * person asks for it; all of it is kept or nothing.
 */
import { InputError, WorkError } from '../../src/core/errors.ts';
import type { StudyOverview } from '../../src/study/overview.ts';

/** What the build wrote: every file of the page. */
const FILES = 'files.json';
/** Start of the names of caches; the rest says when. */
const PREFIX = 'voxstill kept ';

/** The parts of the browser that are used. */
export interface KeepingWorld {
  readonly caches: Pick<CacheStorage, 'open' | 'keys' | 'delete'>;
  readonly fetch: (path: string) => Promise<Response>;
  /** Starts the service worker and returns when it answers. */
  readonly start: () => Promise<void>;
  readonly hasWebGpu: () => Promise<boolean>;
  readonly now: () => number;
}

export interface KeepingProgress {
  readonly done: number;
  readonly total: number;
  readonly bytes: number;
}

/** Paths of what is needed without a server. */
async function wantedPaths({ fetch, hasWebGpu }: KeepingWorld): Promise<readonly string[]> {
  const files: readonly string[] = await (await fetch(FILES)).json();
  const isWanted = (await hasWebGpu()) ? () => true : (path: string) => !path.includes('.asyncify.');
  const study: StudyOverview | null = await (await fetch('run.json')).json();
  const models = (study?.arms ?? []).flatMap(({ model }) => (model === undefined ? [] : [`run/${model}`]));
  return ['./', 'run.json', FILES, ...files.filter(isWanted), ...models];
}

/** Whether something is kept. */
export async function isKept({ caches }: Pick<KeepingWorld, 'caches'>): Promise<boolean> {
  return (await caches.keys()).some(name => name.startsWith(PREFIX));
}

/** Keeps nothing any more. */
export async function forget({ caches }: Pick<KeepingWorld, 'caches'>): Promise<void> {
  for (const name of await caches.keys()) if (name.startsWith(PREFIX)) await caches.delete(name);
}

/**
 * Keeps everything as it is now, in place of what was kept before.
 * @returns bytes that are kept
 * @throws {WorkError} E_DISK_FULL; then what was kept before is still there
 * @throws {InputError} E_FILE_MISSING where the server does not have all files
 */
export async function keep(world: KeepingWorld, onProgress: (progress: KeepingProgress) => void): Promise<number> {
  const before = (await world.caches.keys()).filter(name => name.startsWith(PREFIX));
  const name = `${PREFIX}${world.now()}`;
  let bytes = 0;
  try {
    const paths = await wantedPaths(world);
    const cache = await world.caches.open(name);
    for (const [done, path] of paths.entries()) {
      const response = await world.fetch(path);
      if (!response.ok) throw new InputError('E_FILE_MISSING', `the server no longer has ${path}. Reload the page.`);
      bytes += (await response.clone().arrayBuffer()).byteLength;
      await cache.put(path, response);
      onProgress({ done: done + 1, total: paths.length, bytes });
    }
    await world.start();
  } catch (cause) {
    await world.caches.delete(name);
    if (cause instanceof Error && cause.name === 'QuotaExceededError') {
      throw new WorkError(
        'E_DISK_FULL',
        'the browser gives this page no more storage, so the page is not kept. Free space on the disk, or delete sessions under Distil, and try again. Nothing that was computed is lost.',
        { cause },
      );
    }
    throw cause;
  }
  for (const old of before) await world.caches.delete(old);
  return bytes;
}
