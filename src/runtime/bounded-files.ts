/** Files that are written and removed below certain folders only: the last door, behind all checks of names. */
import { InputError } from '../core/errors.ts';
import type { SharedFiles } from './files.ts';

/** The path without `.` and with every `..` applied that can be; links are not followed. */
function plain(path: string): string {
  const parts: string[] = [];
  for (const part of path.split(/[/\\]/)) {
    if (part === '..' && parts.length > 0 && parts.at(-1) !== '..' && parts.at(-1) !== '') parts.pop();
    else if (part !== '.' && (part !== '' || parts.length === 0)) parts.push(part);
  }
  return parts.join('/');
}

/**
 * Refuses to write and to remove outside of the folders; reading is free.
 * @param folders as the paths to come begin: absolute or relative to the same place
 * @throws {InputError} E_PATH_OUTSIDE, from write, create and remove
 */
export function boundFiles(files: SharedFiles, folders: readonly string[]): SharedFiles {
  const roots = folders.map(plain);
  const assertInside = (path: string): void => {
    const place = plain(path);
    if (roots.some(root => place === root || place.startsWith(`${root}/`))) return;
    throw new InputError(
      'E_PATH_OUTSIDE',
      `nothing is written to ${path}, which is outside of ${folders.join(' and ')}. A name of the data or of the recipe leads there; correct it.`,
    );
  };
  return {
    ...files,
    write: async (path, data, confirm) => {
      assertInside(path);
      return files.write(path, data, confirm);
    },
    create: async (path, data) => {
      assertInside(path);
      return files.create(path, data);
    },
    remove: async path => {
      assertInside(path);
      return files.remove(path);
    },
  };
}
