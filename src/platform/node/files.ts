/**
 * The file system of Node behind the {@link Files} interface: reads and writes whole files, and resolves the paths in a
 * recipe.
 */
import { randomUUID } from 'node:crypto';
import { access, link, mkdir, open, readdir, readFile, realpath, rename, rm, stat } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { InputError, VoxstillError, WorkError } from '../../core/errors.ts';
import type { SharedFiles } from '../../runtime/files.ts';
import { temporaryName as nameOfTemporary } from '../../runtime/temporaries.ts';
import { createFile, type Disk, replaceFile } from './durable-write.ts';

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : String(error);
}

/** Refuses files that cannot be read as a whole: a pipe may block its reader forever, and a device has no end. */
async function assertWholeFile(path: string): Promise<void> {
  const info = await stat(path);
  if (info.isFile()) return;
  const kind = info.isDirectory() ? 'a folder' : 'a pipe or a device';
  throw new InputError('E_FILE_UNREADABLE', `cannot read ${resolve(path)}: it is ${kind}. Give a file.`);
}

/** Reads a file in one way or another, with the errors of the interface. */
async function reading(path: string, way: () => Promise<Uint8Array>): Promise<Uint8Array> {
  try {
    await assertWholeFile(path);
    const { buffer, byteOffset, length } = await way();
    // a plain array, as in pages: the slice of a Buffer copies nothing
    return new Uint8Array(buffer, byteOffset, length);
  } catch (cause) {
    if (cause instanceof InputError) throw cause;
    if (codeOf(cause) === 'ENOENT') {
      throw new InputError('E_FILE_MISSING', `there is no file ${resolve(path)}`, { cause });
    }
    throw new InputError('E_FILE_UNREADABLE', `cannot read ${resolve(path)}: ${codeOf(cause)}`, { cause });
  }
}

function read(path: string): Promise<Uint8Array> {
  return reading(path, () => readFile(path));
}

function readStart(path: string, bytes: number): Promise<Uint8Array> {
  return reading(path, async () => {
    const file = await open(path, 'r');
    try {
      const start = new Uint8Array(bytes);
      let total = 0;
      for (;;) {
        const { bytesRead } = await file.read(start, total, bytes - total, total);
        total += bytesRead;
        if (bytesRead === 0 || total === bytes) return start.subarray(0, total);
      }
    } finally {
      await file.close();
    }
  });
}

/** A name for a temporary file beside a file, unique among processes and machines. */
function temporaryName(path: string): string {
  return join(dirname(path), nameOfTemporary(basename(path), randomUUID()));
}

/** Error codes of a disk, or of a share of it, that is full. */
const FULL = ['ENOSPC', 'EDQUOT'];

/**
 * Turns the error of a write into one that says what to do.
 * @returns WorkError E_DISK_FULL, E_FOLDER_GONE or E_FILE_WRITE
 */
export function writeProblem(path: string, cause: unknown): WorkError {
  const [place, code] = [resolve(path), codeOf(cause)];
  if (FULL.includes(code)) {
    const message = `cannot write ${place}: the disk is full (${code}). Free some space and start again.`;
    return new WorkError('E_DISK_FULL', message, { cause });
  }
  switch (code) {
    case 'ESTALE':
    case 'ENOTCONN':
    case 'EHOSTDOWN':
      return new WorkError(
        'E_FOLDER_GONE',
        `cannot write ${place}: its file system is no longer there (${code}). Mount it and start again.`,
        { cause },
      );
    default:
      return new WorkError('E_FILE_WRITE', `cannot write ${place}: ${code}`, { cause });
  }
}

/** Error codes of systems on which a folder cannot be opened or synced; there a rename is as durable as it gets. */
const NO_FOLDER_SYNC = ['EISDIR', 'EPERM', 'EACCES', 'EINVAL', 'ENOTSUP', 'EBADF'];

/** What only this file of a machine has; undefined if there is none, or if its file system has no numbers. */
async function identityOf(path: string): Promise<string | undefined> {
  try {
    // opened, since network file systems may otherwise answer from their cache
    const file = await open(path, 'r');
    try {
      const { dev, ino } = await file.stat({ bigint: true });
      return ino === 0n ? undefined : `${dev} ${ino}`;
    } finally {
      await file.close();
    }
  } catch (cause) {
    if (codeOf(cause) === 'ENOENT') return undefined;
    throw cause;
  }
}

/** The disk of this machine. */
export const nodeDisk: Disk = {
  makeFolders: async path => {
    const first = await mkdir(path, { recursive: true });
    if (first === undefined) return [];
    const made: string[] = [];
    for (let folder = resolve(path); folder.length >= resolve(first).length; folder = dirname(folder)) {
      made.unshift(folder);
    }
    return made;
  },
  writeSynced: async (path, data, flag) => {
    const file = await open(path, flag);
    try {
      await file.writeFile(data);
      await file.sync();
    } finally {
      await file.close();
    }
  },
  rename,
  link,
  isSameFile: async (one, other) => {
    const [left, right] = [await identityOf(one), await identityOf(other)];
    return left !== undefined && left === right;
  },
  remove: path => rm(path, { force: true }),
  syncFolder: async path => {
    try {
      const folder = await open(path, 'r');
      try {
        await folder.sync();
      } finally {
        await folder.close();
      }
    } catch (cause) {
      if (!NO_FOLDER_SYNC.includes(codeOf(cause))) throw cause;
    }
  },
};

async function write(path: string, data: Uint8Array | string, confirm?: () => Promise<void>): Promise<void> {
  try {
    await replaceFile(nodeDisk, path, { data, temporary: temporaryName(path), confirm });
  } catch (cause) {
    throw cause instanceof VoxstillError ? cause : writeProblem(path, cause);
  }
}

async function create(path: string, data: string): Promise<boolean> {
  try {
    await createFile(nodeDisk, path, { data, temporary: temporaryName(path) });
    return true;
  } catch (cause) {
    if (codeOf(cause) === 'EEXIST') return false;
    throw writeProblem(path, cause);
  }
}

async function modifiedMs(path: string): Promise<number | undefined> {
  try {
    // network file systems ask their server when a file is opened, and may otherwise answer from their cache
    const file = await open(path, 'r');
    try {
      return (await file.stat()).mtimeMs;
    } finally {
      await file.close();
    }
  } catch (cause) {
    if (codeOf(cause) === 'ENOENT') return undefined;
    throw new InputError('E_FILE_UNREADABLE', `cannot read ${resolve(path)}: ${codeOf(cause)}`, { cause });
  }
}

async function nowMs(folder: string): Promise<number> {
  const probe = temporaryName(join(folder, 'now'));
  try {
    const file = await open(probe, 'wx');
    try {
      await file.writeFile('now').catch((cause: unknown) => {
        // on a full disk an empty file has a time too, and who only looks needs no room
        if (!FULL.includes(codeOf(cause))) throw cause;
      });
      return (await file.stat()).mtimeMs;
    } finally {
      await file.close();
    }
  } catch (cause) {
    throw writeProblem(probe, cause);
  } finally {
    await rm(probe, { force: true }).catch(() => {});
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

/**
 * Error codes of a file system that fails or has gone: it does not say that there is no such file, and what is done
 * already must not be done again for that.
 */
const FAILING = ['EIO', 'ESTALE', 'ENOTCONN', 'EHOSTDOWN', 'ETIMEDOUT', 'EREMOTEIO'];

/**
 * What the error of looking for a file means.
 * @returns undefined if there is no such file; InputError E_FILE_UNREADABLE if the file system fails
 */
export function lookProblem(path: string, cause: unknown): InputError | undefined {
  if (!FAILING.includes(codeOf(cause))) return undefined;
  return new InputError('E_FILE_UNREADABLE', `cannot look for ${resolve(path)}: ${codeOf(cause)}`, { cause });
}

async function exists(path: string): Promise<boolean> {
  try {
    await access(path);
    return true;
  } catch (cause) {
    const problem = lookProblem(path, cause);
    if (problem !== undefined) throw problem;
    return false;
  }
}

async function remove(path: string): Promise<void> {
  try {
    await rm(path, { recursive: true, force: true });
  } catch (cause) {
    throw writeProblem(path, cause);
  }
}

async function realPath(path: string): Promise<string | undefined> {
  try {
    return await realpath(path);
  } catch {
    return undefined;
  }
}

/**
 * Files on disk; relative paths start at the working directory. A failed write is WorkError E_DISK_FULL, E_FOLDER_GONE
 * or E_FILE_WRITE.
 */
export const nodeFiles: SharedFiles = {
  read,
  readStart,
  write,
  create,
  modifiedMs,
  nowMs,
  list,
  exists,
  realPath,
  remove,
};

/**
 * Resolves a path in a file: from the working directory if it exists there, otherwise from the folder of the file that
 * names it.
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
