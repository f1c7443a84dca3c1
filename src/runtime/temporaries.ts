/** Temporary files: what a write that was killed leaves behind, how it is called, and how it goes. */
import type { SharedFiles } from './files.ts';

/** The name beside a file under which it is written before it takes the file's place; `id` is a UUID. */
export function temporaryName(name: string, id: string): string {
  return `.${name}.${id}.tmp`;
}

/** The names of temporary files. */
export const TEMPORARY = /^\..+\.[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\.tmp$/;

/**
 * Removes the temporary files of a folder, with those of the folders in it where it is the caller's alone.
 * @param options.olderThanMs for a folder that others write into as well, whose young files may still be written;
 * folders in it are left alone
 */
export async function sweepTemporaries(
  files: SharedFiles,
  folder: string,
  { olderThanMs }: { readonly olderThanMs?: number } = {},
): Promise<void> {
  const names = await files.list(folder);
  const temporary = names.filter(name => TEMPORARY.test(name));
  const nowMs = olderThanMs !== undefined && temporary.length > 0 ? await files.nowMs(folder) : 0;
  for (const name of temporary) {
    const path = `${folder}/${name}`;
    const writtenMs = olderThanMs === undefined ? undefined : await files.modifiedMs(path);
    if (writtenMs === undefined || nowMs - writtenMs > (olderThanMs ?? 0)) await files.remove(path);
  }
  if (olderThanMs !== undefined) return;
  for (const name of names.filter(other => !TEMPORARY.test(other))) await sweepTemporaries(files, `${folder}/${name}`);
}
