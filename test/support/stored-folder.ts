/**
 * A browser's origin-private file system in memory: it counts every call that changes something, and ends the tab after
 * any of them. What is then left is what the browser had on its disk.
 */
import type { StoredFile, StoredFolder } from '../../src/platform/web/stored-files.ts';

export interface Storage {
  readonly root: StoredFolder;
  /** Contents by path. */
  contents(): Record<string, string>;
  /** Number of changes so far. */
  changes(): number;
  /** The tab ends at this change, counted from 1, which does not happen any more. */
  endAt(change: number): void;
  /** A new tab. */
  reopen(): void;
  /** Bytes that the page may still store; any number if not set. */
  quota: number;
}

class TabEnded extends Error {
  override readonly name = 'TabEnded';
}

const problem = (name: string): Error => Object.assign(new Error(name), { name });

/** @param how whether files can be moved; otherwise they have streams, and no access at once */
export function createStorage(how: { readonly canMove: boolean }): Storage {
  interface Folder {
    readonly entries: Map<string, Folder | File>;
  }
  interface File {
    data: Uint8Array;
    modified: number;
  }
  const isFolder = (entry: Folder | File): entry is Folder => 'entries' in entry;
  const top: Folder = { entries: new Map() };
  let changes = 0;
  let last = Number.POSITIVE_INFINITY;
  let clock = 1000;
  const storage = { quota: Number.POSITIVE_INFINITY };

  const change = (): void => {
    changes++;
    if (changes >= last) throw new TabEnded('the tab has ended');
    clock++;
  };
  const grow = (bytes: number): void => {
    if (bytes > storage.quota) throw problem('QuotaExceededError');
    storage.quota -= bytes;
  };

  function fileHandle(folder: Folder, name: string): StoredFile {
    const own = (): File => {
      const entry = folder.entries.get(name);
      if (entry === undefined || isFolder(entry)) throw problem('NotFoundError');
      return entry;
    };
    const getFile: StoredFile['getFile'] = async () => {
      const { data, modified } = own();
      return Object.assign(new Blob([data.slice()]), { lastModified: modified });
    };
    if (!how.canMove) {
      return {
        kind: 'file',
        getFile,
        createWritable: async () => {
          let written: Uint8Array = new Uint8Array(0);
          return {
            write: async data => {
              change();
              grow(data.length);
              written = data.slice();
            },
            close: async () => {
              change();
              Object.assign(own(), { data: written, modified: clock });
            },
            abort: async () => {},
          };
        },
      };
    }
    return {
      kind: 'file',
      getFile,
      createSyncAccessHandle: async () => {
        const file = own();
        return {
          // half of the bytes are there if the tab ends here
          write: data => {
            file.data = data.slice(0, data.length >> 1);
            change();
            const room = Math.min(data.length, storage.quota);
            storage.quota -= room;
            Object.assign(file, { data: data.slice(0, room), modified: clock });
            return room;
          },
          truncate: () => {
            change();
            file.data = new Uint8Array(0);
          },
          flush: change,
          close: () => {},
        };
      },
      move: async other => {
        change();
        folder.entries.set(other, own());
        folder.entries.delete(name);
      },
    };
  }

  function folderHandle(folder: Folder): StoredFolder {
    const find = (name: string): Folder | File | undefined => {
      if (name === '' || name.includes('/')) throw problem('TypeError');
      return folder.entries.get(name);
    };
    return {
      kind: 'directory',
      getDirectoryHandle: async (name, { create = false } = {}) => {
        const found = find(name);
        if (found !== undefined && !isFolder(found)) throw problem('TypeMismatchError');
        if (found === undefined && !create) throw problem('NotFoundError');
        if (found !== undefined) return folderHandle(found);
        change();
        const made: Folder = { entries: new Map() };
        folder.entries.set(name, made);
        return folderHandle(made);
      },
      getFileHandle: async (name, { create = false } = {}) => {
        const found = find(name);
        if (found !== undefined && isFolder(found)) throw problem('TypeMismatchError');
        if (found === undefined && !create) throw problem('NotFoundError');
        if (found === undefined) {
          change();
          folder.entries.set(name, { data: new Uint8Array(0), modified: clock });
        }
        return fileHandle(folder, name);
      },
      removeEntry: async name => {
        if (find(name) === undefined) throw problem('NotFoundError');
        change();
        folder.entries.delete(name);
      },
      keys: async function* () {
        yield* [...folder.entries.keys()];
      },
    };
  }

  const contentsOf = (folder: Folder, path: string): [string, string][] =>
    [...folder.entries].flatMap(([name, entry]) =>
      isFolder(entry)
        ? contentsOf(entry, `${path}${name}/`)
        : [[`${path}${name}`, new TextDecoder().decode(entry.data)] as [string, string]],
    );
  return Object.assign(storage, {
    root: folderHandle(top),
    contents: () => Object.fromEntries(contentsOf(top, '')),
    changes: () => changes,
    endAt: (at: number) => {
      last = changes + at;
    },
    reopen: () => {
      last = Number.POSITIVE_INFINITY;
    },
  });
}
