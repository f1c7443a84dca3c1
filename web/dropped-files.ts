/** The user's files behind the library's {@link Files} interface: read on demand, never written. */
import { sha256 } from '@noble/hashes/sha2.js';
import { InputError, invariant } from '../src/core/errors.ts';
import type { Files } from '../src/runtime/files.ts';
import { hexOf } from './hex-sha256.ts';
import type { DroppedFile } from './protocol.ts';

/** A path without `./` in front. */
export function plainPath(path: string): string {
  return path.replace(/^(\.\/)+/, '');
}

/**
 * Files without those that were given twice.
 * @throws {InputError} E_FILE_TWICE where two have the same path and are not the same
 */
export function withoutTwins(dropped: readonly DroppedFile[]): readonly DroppedFile[] {
  const byPath = new Map<string, DroppedFile>();
  for (const one of dropped) {
    const other = byPath.get(plainPath(one.path)) ?? one;
    if (other.file.size !== one.file.size || other.file.lastModified !== one.file.lastModified) {
      throw new InputError(
        'E_FILE_TWICE',
        `two different files are called ${plainPath(one.path)}. Open one after the other, or give them other names.`,
      );
    }
    byPath.set(plainPath(one.path), other);
  }
  return [...byPath.values()];
}

/** What went wrong with a file. */
function unreadable(path: string, cause: unknown): InputError {
  // a browser gives no more of a file that is not the one that was chosen
  const isChanged = cause instanceof Error && ['NotReadableError', 'NotFoundError'].includes(cause.name);
  const reason = isChanged ? 'it was changed, moved or removed since it was chosen' : String(cause);
  return new InputError(
    'E_FILE_UNREADABLE',
    `the browser cannot read ${plainPath(path)}: ${reason}. Choose it again when nothing writes it any more.`,
    { cause },
  );
}

/** Bytes of a file that are in memory at a time. */
const PIECE_BYTES = 2 ** 23;

/**
 * The SHA-256 of a file, read piece by piece.
 * @throws {InputError} E_FILE_UNREADABLE
 */
export async function sumOfFile({ path, file }: DroppedFile): Promise<string> {
  const sum = sha256.create();
  for (let start = 0; start < file.size; start += PIECE_BYTES) {
    const piece = await file
      .slice(start, start + PIECE_BYTES)
      .arrayBuffer()
      .catch((cause: unknown) => {
        throw unreadable(path, cause);
      });
    sum.update(new Uint8Array(piece));
  }
  return hexOf(sum.digest());
}

/** @param dropped with paths such as `scan.nii.gz` or `series/IM0001` */
export function droppedFiles(dropped: readonly DroppedFile[]): Files {
  const byPath = new Map(dropped.map(({ path, file }) => [plainPath(path), file]));
  const read = async (path: string, end?: number): Promise<Uint8Array> => {
    const file = byPath.get(plainPath(path));
    if (file === undefined) {
      throw new InputError(
        'E_FILE_MISSING',
        `${plainPath(path)} is needed too. Choose it together with the other files.`,
      );
    }
    try {
      return new Uint8Array(await file.slice(0, end).arrayBuffer());
    } catch (cause) {
      throw unreadable(path, cause);
    }
  };
  const isEverything = (folder: string): boolean => folder === '.';
  return {
    read: path => read(path),
    readStart: read,
    // all files lie in one folder, whatever folders they came from
    list: async folder => (isEverything(folder) ? [...byPath.keys()].sort() : []),
    exists: async path => byPath.has(plainPath(path)),
    realPath: async path => (byPath.has(plainPath(path)) ? plainPath(path) : undefined),
    write: async () => invariant(false, 'dropped files are only read'),
    remove: async () => invariant(false, 'dropped files are only read'),
  };
}
