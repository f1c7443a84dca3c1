/** The user's files behind the library's {@link Files} interface: read on demand, never written. */
import { InputError, invariant } from '../src/core/errors.ts';
import type { Files } from '../src/runtime/files.ts';
import type { DroppedFile } from './protocol.ts';

const plain = (path: string): string => path.replace(/^(\.\/)+/, '');

/**
 * Files without those that were given twice.
 * @throws {InputError} E_FILE_TWICE where two have the same path and are not the same
 */
export function withoutTwins(dropped: readonly DroppedFile[]): readonly DroppedFile[] {
  const byPath = new Map<string, DroppedFile>();
  for (const one of dropped) {
    const other = byPath.get(plain(one.path)) ?? one;
    if (other.file.size !== one.file.size || other.file.lastModified !== one.file.lastModified) {
      throw new InputError(
        'E_FILE_TWICE',
        `two different files are called ${plain(one.path)}. Open one after the other, or give them other names.`,
      );
    }
    byPath.set(plain(one.path), other);
  }
  return [...byPath.values()];
}

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
      // a browser gives no more of a file that is not the one that was chosen
      const isChanged = cause instanceof Error && ['NotReadableError', 'NotFoundError'].includes(cause.name);
      const reason = isChanged ? 'it was changed, moved or removed since it was chosen' : String(cause);
      throw new InputError(
        'E_FILE_UNREADABLE',
        `the browser cannot read ${plain(path)}: ${reason}. Choose it again when nothing writes it any more.`,
        { cause },
      );
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
