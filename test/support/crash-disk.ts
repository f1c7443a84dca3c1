/**
 * A disk in memory that loses power: it keeps every call, and after any of them it can say in which states a real file
 * system may come back. What was synced is there; of what was not, each renamed, made or removed name may have reached
 * the disk or not, whatever the order, and a file's content may be missing, cut off or whole. That is more than any
 * common file system loses.
 */
import { dirname } from 'node:path';
import { createFile, type Disk, replaceFile } from '../../src/platform/node/durable-write.ts';
import type { SharedFiles } from '../../src/runtime/files.ts';
import { temporaryName } from '../../src/runtime/temporaries.ts';
import { type MemoryFiles, memoryFiles } from './memory-files.ts';

interface Content {
  data: Uint8Array;
  /** Of the first bytes, how many are safe. */
  isSynced: boolean;
}

/** One change of names that may be lost until its folder is synced. */
interface NameChange {
  readonly folder: string;
  readonly apply: (names: Map<string, Content>) => void;
}

/** A moment at which the power may go. */
interface CrashState {
  /** What a program finds afterwards. */
  readonly files: MemoryFiles;
  /** For messages. */
  readonly after: string;
}

export interface CrashDisk {
  /** Files on the disk. */
  readonly files: SharedFiles;
  /** Every state in which the disk may come back, for every moment since it was made. */
  states(): readonly CrashState[];
}

/** More pending changes than this are not combined in every way: 2^6 states a moment. */
const MOST_PENDING = 6;

export function crashDisk(): CrashDisk {
  let safe = new Map<string, Content>();
  let now = new Map<string, Content>();
  let pending: NameChange[] = [];
  const states: CrashState[] = [];

  const keep = (names: ReadonlyMap<string, Content>, part: (content: Content) => Uint8Array, after: string): void => {
    const files = memoryFiles();
    for (const [path, content] of names) void files.write(path, part(content));
    states.push({ files, after });
  };
  const lose = (after: string): void => {
    if (pending.length > MOST_PENDING) throw new Error('too many names are pending');
    for (let choice = 0; choice < 2 ** pending.length; choice++) {
      const names = new Map(safe);
      pending.forEach((change, index) => {
        if ((choice >> index) & 1) change.apply(names);
      });
      for (const part of [1, 0.5, 0]) {
        keep(
          names,
          ({ data, isSynced }) => (isSynced ? data : data.subarray(0, Math.floor(data.length * part))),
          after,
        );
      }
    }
  };
  const change = (folder: string, apply: NameChange['apply']): void => {
    apply(now);
    pending.push({ folder, apply });
  };

  const disk: Disk = {
    // folders are not kept: a folder that is lost takes its files along, which is a state of the files in it too
    makeFolders: async () => [],
    writeSynced: async (path, data, flag) => {
      if (flag === 'wx' && now.has(path)) throw Object.assign(new Error('EEXIST'), { code: 'EEXIST' });
      const content: Content = { data: new Uint8Array(0), isSynced: false };
      change(dirname(path), names => names.set(path, content));
      lose(`making ${path}`);
      content.data = typeof data === 'string' ? new TextEncoder().encode(data) : Uint8Array.from(data);
      lose(`writing ${path}`);
      content.isSynced = true;
      lose(`syncing ${path}`);
    },
    rename: async (from, to) => {
      const content = now.get(from) as Content;
      change(dirname(to), names => {
        names.delete(from);
        names.set(to, content);
      });
      lose(`renaming ${from} to ${to}`);
    },
    link: async (from, to) => {
      if (now.has(to)) throw Object.assign(new Error('EEXIST'), { code: 'EEXIST' });
      const content = now.get(from) as Content;
      change(dirname(to), names => names.set(to, content));
      lose(`linking ${from} as ${to}`);
    },
    isSameFile: async (one, other) => now.has(one) && now.get(one) === now.get(other),
    remove: async path => {
      change(dirname(path), names => names.delete(path));
      lose(`removing ${path}`);
    },
    syncFolder: async path => {
      for (const one of pending.filter(({ folder }) => folder === path)) one.apply(safe);
      pending = pending.filter(({ folder }) => folder !== path);
      lose(`syncing the folder ${path}`);
    },
  };
  let count = 0;
  const temporaryOf = (path: string): string => {
    const id = `00000000-0000-0000-0000-${String(count++).padStart(12, '0')}`;
    return `${dirname(path)}/${temporaryName(path.split('/').at(-1) as string, id)}`;
  };
  const reading = (): MemoryFiles => {
    const files = memoryFiles();
    for (const [path, { data }] of now) files.contents.set(path, data);
    return files;
  };
  const files: SharedFiles = {
    ...memoryFiles(),
    read: path => reading().read(path),
    exists: path => reading().exists(path),
    list: folder => reading().list(folder),
    write: (path, data, confirm) => replaceFile(disk, path, { data, confirm, temporary: temporaryOf(path) }),
    create: async (path, data) => {
      if (now.has(path)) return false;
      await createFile(disk, path, { data, temporary: temporaryOf(path) });
      return true;
    },
    remove: async path => {
      for (const key of [...now.keys()].filter(one => one === path || one.startsWith(`${path}/`)))
        await disk.remove(key);
    },
  };
  now = new Map(now);
  safe = new Map(safe);
  return { files, states: () => states };
}
