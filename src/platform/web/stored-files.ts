/**
 * The origin-private file system of a browser behind the {@link SharedFiles} interface: folders that belong to this
 * page alone, outlive the tab, and are no files that a person sees. A file is written whole beside its place, flushed,
 * and takes the place in one move; browsers whose files cannot be moved replace them by their own writable stream,
 * which shows nothing before it is closed. One process owns the folder at a time, see held-folder.ts.
 * Source: https://fs.spec.whatwg.org
 */
import { InputError, VoxstillError, WorkError } from '../../core/errors.ts';
import type { SharedFiles } from '../../runtime/files.ts';
import { temporaryName } from '../../runtime/temporaries.ts';

/** Access to a file's bytes at once, which only workers are given. */
interface SyncAccess {
  write(data: Uint8Array): number;
  truncate(bytes: number): void;
  flush(): void;
  close(): void;
}

interface Writable {
  write(data: Uint8Array): Promise<void>;
  close(): Promise<void>;
  abort(): Promise<void>;
}

/** The part of a file's handle that is used; what TypeScript's library of the DOM lacks is here. */
export interface StoredFile {
  readonly kind: 'file';
  getFile(): Promise<Blob & { readonly lastModified: number }>;
  /** In workers only. */
  createSyncAccessHandle?(): Promise<SyncAccess>;
  createWritable?(): Promise<Writable>;
  /** Gives the file a name in the same folder, in place of the file that had it. */
  move?(name: string): Promise<void>;
}

/** The part of a folder's handle that is used. */
export interface StoredFolder {
  readonly kind: 'directory';
  getDirectoryHandle(name: string, options?: { readonly create?: boolean }): Promise<StoredFolder>;
  getFileHandle(name: string, options?: { readonly create?: boolean }): Promise<StoredFile>;
  removeEntry(name: string, options?: { readonly recursive?: boolean }): Promise<void>;
  keys(): AsyncIterable<string>;
}

const nameOf = (error: unknown): string => (error instanceof Error ? error.name : String(error));

/** Errors of the browser that say that there is no such file, or something of another kind. */
const isMissing = (error: unknown): boolean => ['NotFoundError', 'TypeMismatchError'].includes(nameOf(error));

/** The names on the way to a path; a path that begins with `/` means the same as without. */
function partsOf(path: string): readonly string[] {
  const parts: string[] = [];
  for (const part of path.split('/')) {
    if (part === '..') parts.pop();
    else if (part !== '' && part !== '.') parts.push(part);
  }
  return parts;
}

function readProblem(path: string, cause: unknown): InputError {
  if (isMissing(cause)) return new InputError('E_FILE_MISSING', `there is no file ${path}`, { cause });
  return new InputError('E_FILE_UNREADABLE', `the browser cannot read ${path}: ${nameOf(cause)}`, { cause });
}

/** @returns WorkError E_DISK_FULL or E_FILE_WRITE */
function writeProblem(path: string, cause: unknown): WorkError {
  if (nameOf(cause) === 'QuotaExceededError') {
    return new WorkError(
      'E_DISK_FULL',
      `cannot write ${path}: the browser gives this page no more storage. Delete sessions that are no longer needed, free space on the disk, and start again.`,
      { cause },
    );
  }
  const message = cause instanceof Error ? `${cause.name}: ${cause.message}` : String(cause);
  return new WorkError('E_FILE_WRITE', `cannot write ${path}: ${message}`, { cause });
}

/** The folders below a root by their paths, each looked up once. */
function createFolders(root: StoredFolder) {
  const known = new Map<string, StoredFolder>();
  const open = async (parts: readonly string[], create: boolean): Promise<StoredFolder> => {
    if (parts.length === 0) return root;
    const key = parts.join('/');
    const found = known.get(key);
    if (found !== undefined) return found;
    const parent = await open(parts.slice(0, -1), create);
    const folder = await parent.getDirectoryHandle(parts.at(-1) as string, { create });
    known.set(key, folder);
    return folder;
  };
  const forget = (parts: readonly string[]): void => {
    const key = parts.join('/');
    for (const path of known.keys()) if (path === key || path.startsWith(`${key}/`)) known.delete(path);
  };
  return { open, forget };
}

/** Writes a file's whole content and returns when it is on the disk. */
async function fill(file: StoredFile, data: Uint8Array): Promise<void> {
  const access = await file.createSyncAccessHandle?.();
  if (access === undefined) {
    const writable = await file.createWritable?.();
    if (writable === undefined) throw new Error('this browser writes files in workers only');
    await writable.write(data);
    await writable.close();
    return;
  }
  try {
    access.truncate(0);
    const written = access.write(data);
    // the browser may write less where the storage is full
    if (written < data.length) throw new DOMException(`${written} of ${data.length} bytes`, 'QuotaExceededError');
    access.flush();
  } finally {
    access.close();
  }
}

/** What a file becomes, and who is asked before it does. */
interface Replacement {
  readonly name: string;
  readonly data: Uint8Array;
  readonly confirm?: (() => Promise<void>) | undefined;
}

/** For browsers without moves: the stream's own copy takes the place of the file when the stream is closed. */
async function streamInto(folder: StoredFolder, { name, data, confirm }: Replacement): Promise<void> {
  const isNew = await folder.getFileHandle(name).then(
    () => false,
    () => true,
  );
  const file = await folder.getFileHandle(name, { create: true });
  let writable: Writable | undefined;
  try {
    writable = await file.createWritable?.();
    if (writable === undefined) {
      throw new WorkError(
        'E_BROWSER_STORAGE',
        'this browser can neither move stored files nor replace them as a whole, so a closed tab would leave half of one. Use a newer browser.',
      );
    }
    await writable.write(data);
    await confirm?.();
    await writable.close();
  } catch (error) {
    await writable?.abort().catch(() => {});
    if (isNew) await folder.removeEntry(name).catch(() => {});
    throw error;
  }
}

async function replaceIn(folder: StoredFolder, replacement: Replacement): Promise<void> {
  const { name, data, confirm } = replacement;
  const temporary = temporaryName(name, crypto.randomUUID());
  const file = await folder.getFileHandle(temporary, { create: true });
  if (file.move === undefined) {
    await folder.removeEntry(temporary);
    await streamInto(folder, replacement);
    return;
  }
  try {
    await fill(file, data);
    await confirm?.();
    await file.move(name);
  } catch (error) {
    await folder.removeEntry(temporary).catch(() => {});
    throw error;
  }
}

/**
 * Files below a folder of the origin-private file system. Relative paths and those that begin with `/` start there.
 * A failed write is WorkError E_DISK_FULL or E_FILE_WRITE; E_BROWSER_STORAGE where the browser can replace no file.
 */
export function storedFiles(root: StoredFolder): SharedFiles {
  const folders = createFolders(root);

  const parentOf = async (path: string, create: boolean): Promise<{ folder: StoredFolder; name: string }> => {
    const parts = partsOf(path);
    return { folder: await folders.open(parts.slice(0, -1), create), name: parts.at(-1) ?? '' };
  };
  const fileAt = async (path: string): Promise<Blob & { readonly lastModified: number }> => {
    const { folder, name } = await parentOf(path, false);
    return (await folder.getFileHandle(name)).getFile();
  };
  const bytesAt = async (path: string, end?: number): Promise<Uint8Array> => {
    try {
      return new Uint8Array(await (await fileAt(path)).slice(0, end).arrayBuffer());
    } catch (cause) {
      throw readProblem(path, cause);
    }
  };
  const modifiedMs = async (path: string): Promise<number | undefined> => {
    try {
      return (await fileAt(path)).lastModified;
    } catch (cause) {
      if (isMissing(cause)) return undefined;
      throw readProblem(path, cause);
    }
  };
  const exists = async (path: string): Promise<boolean> => {
    const parts = partsOf(path);
    if (parts.length === 0) return true;
    try {
      const parent = await folders.open(parts.slice(0, -1), false);
      const name = parts.at(-1) as string;
      await parent.getFileHandle(name).catch(error => {
        if (nameOf(error) !== 'TypeMismatchError') throw error;
      });
      return true;
    } catch (cause) {
      if (isMissing(cause)) return false;
      throw readProblem(path, cause);
    }
  };
  const write: SharedFiles['write'] = async (path, data, confirm) => {
    const bytes = typeof data === 'string' ? new TextEncoder().encode(data) : data;
    try {
      const { folder, name } = await parentOf(path, true);
      await replaceIn(folder, { name, data: bytes, confirm });
    } catch (cause) {
      throw cause instanceof VoxstillError ? cause : writeProblem(path, cause);
    }
  };
  const remove = async (path: string): Promise<void> => {
    const parts = partsOf(path);
    try {
      const parent = await folders.open(parts.slice(0, -1), false);
      await parent.removeEntry(parts.at(-1) ?? '', { recursive: true });
    } catch (cause) {
      if (!isMissing(cause)) throw writeProblem(path, cause);
    } finally {
      folders.forget(parts);
    }
  };

  return {
    read: path => bytesAt(path),
    readStart: bytesAt,
    write,
    // nobody else is in a folder that is held
    create: async (path, data) => {
      if (await exists(path)) return false;
      await write(path, data);
      return true;
    },
    modifiedMs,
    nowMs: async folder => {
      const probe = `${folder}/${temporaryName('now', crypto.randomUUID())}`;
      await write(probe, 'now');
      const nowMs = await modifiedMs(probe);
      await remove(probe);
      if (nowMs === undefined) throw writeProblem(probe, new Error('it is gone again'));
      return nowMs;
    },
    list: async folder => {
      try {
        const names: string[] = [];
        for await (const name of (await folders.open(partsOf(folder), false)).keys()) names.push(name);
        return names.sort();
      } catch (cause) {
        if (isMissing(cause)) return [];
        throw new InputError('E_FILE_UNREADABLE', `the browser cannot list ${folder}: ${nameOf(cause)}`, { cause });
      }
    },
    exists,
    realPath: async path => ((await exists(path)) ? `/${partsOf(path).join('/')}` : undefined),
    remove,
  };
}
