/** The file system of Node behind the {@link Files} interface: whole files in and out, and where a path in a recipe leads. */
import { access, mkdir, open, readdir, readFile, realpath, rename, rm } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { InputError, WorkError } from '../../core/errors.ts';
import type { Files } from '../../runtime/files.ts';

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : String(error);
}

async function read(path: string): Promise<Uint8Array> {
  try {
    return await readFile(path);
  } catch (cause) {
    if (codeOf(cause) === 'ENOENT') {
      throw new InputError('E_FILE_MISSING', `there is no file ${resolve(path)}`, { cause });
    }
    throw new InputError('E_FILE_UNREADABLE', `cannot read ${resolve(path)}: ${codeOf(cause)}`, { cause });
  }
}

let temporaryFiles = 0;

async function write(path: string, data: Uint8Array | string): Promise<void> {
  const temporary = join(dirname(path), `.${basename(path)}.${process.pid}.${temporaryFiles++}.tmp`);
  try {
    await mkdir(dirname(path), { recursive: true });
    const file = await open(temporary, 'w');
    try {
      await file.writeFile(data);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(temporary, path);
  } catch (cause) {
    await rm(temporary, { force: true });
    throw new WorkError('E_FILE_WRITE', `cannot write ${resolve(path)}: ${codeOf(cause)}`, { cause });
  }
}

async function list(folder: string): Promise<readonly string[]> {
  try {
    return (await readdir(folder)).sort();
  } catch (cause) {
    if (['ENOENT', 'ENOTDIR'].includes(codeOf(cause))) return [];
    throw new InputError('E_FILE_UNREADABLE', `cannot list ${resolve(folder)}: ${codeOf(cause)}`, { cause });
  }
}

async function exists(path: string): Promise<boolean> {
  try {
    await access(path);
    return true;
  } catch {
    return false;
  }
}

async function realPath(path: string): Promise<string | undefined> {
  try {
    return await realpath(path);
  } catch {
    return undefined;
  }
}

/** Files on disk; relative paths start at the working directory. A failed write is WorkError E_FILE_WRITE. */
export const nodeFiles: Files = {
  read,
  write,
  list,
  exists,
  realPath,
  remove: path => rm(path, { recursive: true, force: true }),
};

/**
 * Where a path in a file leads: from the working directory if something is there, else from the folder of the file that names it.
 * @param path as written, relative or absolute
 * @param namedIn the file that names it, for example the recipe
 * @returns an absolute path
 * @throws {InputError} E_FILE_MISSING if it exists in neither place
 */
export async function locate(path: string, namedIn: string): Promise<string> {
  const places = [...new Set([resolve(path), resolve(dirname(namedIn), path)])];
  for (const place of places) if (await exists(place)) return place;
  const looked = places.join(' nor ');
  throw new InputError('E_FILE_MISSING', `${namedIn} names ${path}, but there is neither ${looked}. Correct the path.`);
}
