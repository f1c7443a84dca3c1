/**
 * A shared folder that is slow and flaky, seeded: files in memory behind calls that wait, fail with EIO or ESTALE
 * before or after they have done their work, and write only a part. Errors are those of the file layer of Node; a write
 * is made of the same calls as there.
 */
import { dirname } from 'node:path';
import { InputError, VoxstillError } from '../../../src/core/errors.ts';
import type { Random } from '../../../src/core/random.ts';
import { createFile, type Disk, replaceFile } from '../../../src/platform/node/durable-write.ts';
import { writeProblem } from '../../../src/platform/node/files.ts';
import type { SharedFiles } from '../../../src/runtime/files.ts';
import { temporaryName } from '../../../src/runtime/temporaries.ts';
import type { MemoryFiles } from '../memory-files.ts';

export interface FlakyFiles extends SharedFiles {
  /** Share of the calls that fail; 0 for a folder that has recovered. */
  rate: number;
  /** How many calls have failed. */
  readonly failures: () => number;
  /** Whether a file can have a second name. */
  readonly hasLinks: boolean;
}

/** Longest wait of a call, in turns of the event loop. */
const LONGEST_WAIT = 4;

/** @param stream decides about waits and failures */
export function flakyFiles(under: MemoryFiles, stream: Random, rate: number): FlakyFiles {
  let failures = 0;
  let ids = 0;
  const hasLinks = stream.uniform() < 0.7;
  const state = { rate, hasLinks };
  const isFailing = (): boolean => {
    if (stream.uniform() >= state.rate) return false;
    failures++;
    return true;
  };
  const coded = (code: string): Error => Object.assign(new Error(code), { code });
  const problem = (): Error => coded(stream.uniform() < 0.5 ? 'EIO' : 'ESTALE');
  const wait = async (): Promise<void> => {
    for (let turns = stream.integer(LONGEST_WAIT); turns > 0; turns--) await new Promise(setImmediate);
  };
  /** A call that fails before its work, or after it, as when the answer of a server is lost. */
  const call = async <T>(work: () => T | Promise<T>): Promise<T> => {
    await wait();
    if (isFailing()) throw problem();
    const result = await work();
    await wait();
    if (isFailing()) throw problem();
    return result;
  };
  const temporaryOf = (path: string): string => {
    const id = `00000000-0000-0000-0000-${String(ids++).padStart(12, '0')}`;
    return `${dirname(path)}/${temporaryName(path.split('/').at(-1) as string, id)}`;
  };
  const put = (path: string, data: Uint8Array | string): Promise<void> => under.write(path, data);
  const disk: Disk = {
    makeFolders: () => call(() => []),
    writeSynced: async (path, data, flag) => {
      await wait();
      // a file is there from its opening on, and is filled in parts
      if (flag !== 'wx') await put(path, '');
      else if (!(await under.create(path, ''))) throw coded('EEXIST');
      await wait();
      if (isFailing()) {
        await put(path, data.slice(0, stream.integer(data.length + 1)));
        throw problem();
      }
      await put(path, data);
      await call(() => {});
    },
    rename: (from, to) =>
      call(async () => {
        await put(to, await under.read(from));
        await under.remove(from);
      }),
    link: (from, to) =>
      call(async () => {
        if (!hasLinks) throw coded('EPERM');
        const content = under.contents.get(from);
        if (content === undefined) throw coded('ENOENT');
        if (!(await under.create(to, ''))) throw coded('EEXIST');
        // both names are of one content
        under.contents.set(to, content);
        // the answer is lost, the call is sent again, and this is the answer to the second
        if (isFailing()) throw coded('EEXIST');
      }),
    isSameFile: (one, other) =>
      call(() => under.contents.has(one) && under.contents.get(one) === under.contents.get(other)),
    remove: path => call(() => under.remove(path)),
    syncFolder: () => call(() => {}),
  };
  const reading = async <T>(path: string, work: () => Promise<T>): Promise<T> => {
    try {
      return await call(work);
    } catch (cause) {
      if (cause instanceof VoxstillError) throw cause;
      throw new InputError('E_FILE_UNREADABLE', `cannot read ${path}: ${(cause as Error).message}`, { cause });
    }
  };
  const writing = async <T>(path: string, work: () => Promise<T>): Promise<T> => {
    try {
      return await work();
    } catch (cause) {
      throw cause instanceof VoxstillError ? cause : writeProblem(path, cause);
    }
  };
  return Object.assign(state, {
    failures: () => failures,
    read: (path: string) => reading(path, () => under.read(path)),
    list: (folder: string) => reading(folder, () => under.list(folder)),
    exists: (path: string) => reading(path, () => under.exists(path)),
    realPath: (path: string) => under.realPath(path),
    modifiedMs: (path: string) => reading(path, () => under.modifiedMs(path)),
    nowMs: (folder: string) => writing(folder, () => call(() => under.nowMs(folder))),
    remove: (path: string) => writing(path, () => call(() => under.remove(path))),
    write: (path: string, data: Uint8Array | string, confirm?: () => Promise<void>) =>
      writing(path, () => replaceFile(disk, path, { data, confirm, temporary: temporaryOf(path) })),
    create: (path: string, data: string) =>
      writing(path, async () => {
        try {
          await createFile(disk, path, { data, temporary: temporaryOf(path) });
          return true;
        } catch (cause) {
          if ((cause as { readonly code?: string }).code === 'EEXIST') return false;
          throw cause;
        }
      }),
  });
}
