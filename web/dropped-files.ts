/** The user's files behind the library's {@link Files} interface: read on demand, never written. */
import { InputError, invariant } from '../src/core/errors.ts';
import type { Files } from '../src/runtime/files.ts';
import type { DroppedFile } from './protocol.ts';

const plain = (path: string): string => path.replace(/^(\.\/)+/, '');

/** @param dropped with paths such as `scan.nii.gz` or `series/IM0001` */
export function droppedFiles(dropped: readonly DroppedFile[]): Files {
  const byPath = new Map(dropped.map(({ path, file }) => [plain(path), file]));
  const read = async (path: string, end?: number): Promise<Uint8Array> => {
    const file = byPath.get(plain(path));
    if (file === undefined) {
      throw new InputError('E_FILE_MISSING', `${plain(path)} is needed too. Choose it together with the other files.`);
    }
    try {
      return new Uint8Array(await file.slice(0, end).arrayBuffer());
    } catch (cause) {
      throw new InputError('E_FILE_UNREADABLE', `the browser cannot read ${plain(path)}: ${String(cause)}`, { cause });
    }
  };
  const isEverything = (folder: string): boolean => folder === '.';
  return {
    read: path => read(path),
    readStart: read,
    // all files lie in one folder, whatever folders they came from
    list: async folder => (isEverything(folder) ? [...byPath.keys()].sort() : []),
    exists: async path => byPath.has(plain(path)),
    realPath: async path => (byPath.has(plain(path)) ? plain(path) : undefined),
    write: async () => invariant(false, 'dropped files are only read'),
    remove: async () => invariant(false, 'dropped files are only read'),
  };
}
