/** Files whose content is known: what is read is what was hashed before, or an error. */
import { InputError } from '../core/errors.ts';
import type { Files } from './files.ts';

/**
 * Holds every file that is read against its hash.
 * @param known SHA-256 by path as it is read; other files are read as they are
 * @throws {InputError} E_RESUME_DATA, from read
 */
export function holdFiles<F extends Pick<Files, 'read'>>(
  files: F,
  known: ReadonlyMap<string, string>,
  sha256: (bytes: Uint8Array) => string,
): F {
  return {
    ...files,
    read: async path => {
      const bytes = await files.read(path);
      const expected = known.get(path);
      if (expected === undefined || sha256(bytes) === expected) return bytes;
      throw new InputError(
        'E_RESUME_DATA',
        `${path} has changed since it was hashed, while the study was running. Restore it and go on with --resume.`,
      );
    },
  };
}

/** Hashes by path within a folder as {@link holdFiles} takes them. */
export function pathsIn(folder: string, hashes: Readonly<Record<string, string>>): ReadonlyMap<string, string> {
  return new Map(Object.entries(hashes).map(([path, sha256]) => [`${folder}/${path}`, sha256]));
}
