/**
 * Writes that survive a power loss: when one returns, its file is on the disk whole and under its name; until then what
 * was there before is. A file is written beside its place and synced, renamed into its place, and then its folder is
 * synced, since without that a file system may forget the rename. The calls to the disk are an argument, so that a test
 * can lose power between any two of them.
 */
import { dirname } from 'node:path';

/** The calls of a file system that a durable write is made of. */
export interface Disk {
  /**
   * Makes a folder and those above it that are missing.
   * @returns the folders that were made, the highest first
   */
  makeFolders(path: string): Promise<readonly string[]>;
  /** Writes a file and returns when its content is on the disk; `wx` fails with EEXIST where there is one. */
  writeSynced(path: string, data: Uint8Array | string, flag: 'w' | 'wx'): Promise<void>;
  rename(from: string, to: string): Promise<void>;
  /**
   * Gives a file a second name in its folder; fails with EEXIST where there is a file of that name, and with one of
   * NO_LINKS on file systems whose files have one name.
   */
  link(from: string, to: string): Promise<void>;
  /** Whether two names are of one file; false where one of them is missing. */
  isSameFile(one: string, other: string): Promise<boolean>;
  /** Removes a file; no error where there is none. */
  remove(path: string): Promise<void>;
  /** Returns when the names in a folder are on the disk. */
  syncFolder(path: string): Promise<void>;
}

/** A folder for a file, on the disk under its name. */
async function makeFolderOf(disk: Disk, path: string): Promise<void> {
  for (const made of await disk.makeFolders(dirname(path))) await disk.syncFolder(dirname(made));
}

/**
 * Puts a file in the place of what is there.
 * @param options.temporary a path in the same folder that nobody else uses
 * @param options.confirm asked right before the file takes its place; if it throws, what was there stays
 */
export async function replaceFile(
  disk: Disk,
  path: string,
  options: {
    readonly data: Uint8Array | string;
    readonly temporary: string;
    readonly confirm?: (() => Promise<void>) | undefined;
  },
): Promise<void> {
  const { data, temporary, confirm } = options;
  try {
    await makeFolderOf(disk, path);
    await disk.writeSynced(temporary, data, 'w');
    await confirm?.();
    await disk.rename(temporary, path);
    await disk.syncFolder(dirname(path));
  } catch (cause) {
    // on a file system that is gone this fails too; the error of the write counts
    await disk.remove(temporary).catch(() => {});
    throw cause;
  }
}

/** Error codes of file systems without hard links: FAT, some shares and FUSE; EISDIR is that of Windows by libuv. */
const NO_LINKS = ['EPERM', 'EACCES', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS', 'EINVAL', 'EXDEV', 'EMLINK', 'EISDIR'];

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : '';
}

/** @returns whether the name was given; false if there are no hard links. @throws EEXIST if another has the name */
async function linkTo(disk: Disk, temporary: string, path: string): Promise<boolean> {
  try {
    await disk.link(temporary, path);
    return true;
  } catch (cause) {
    if (NO_LINKS.includes(codeOf(cause))) return false;
    // on a shared folder the answer may be lost, or be that to the same call, sent twice
    if (await disk.isSameFile(temporary, path).catch(() => false)) return true;
    throw cause;
  }
}

/** For file systems without hard links: a kill between the making of the file and its content leaves it empty. */
async function createInPlace(disk: Disk, path: string, data: string): Promise<void> {
  try {
    await disk.writeSynced(path, data, 'wx');
  } catch (cause) {
    // an empty claim would hold its unit for a whole lease
    if (codeOf(cause) !== 'EEXIST') await disk.remove(path).catch(() => {});
    throw cause;
  }
}

/** Times that a temporary file may be swept by an owner of its folder before it has taken its name. */
const MOST_SWEPT = 3;

/** Writes a file beside its place and gives it its name there, if nobody else has that. */
async function takeName(
  disk: Disk,
  path: string,
  { data, temporary }: { readonly data: string; readonly temporary: string },
): Promise<void> {
  for (let swept = 0; ; swept++) {
    try {
      await disk.writeSynced(temporary, data, 'w');
      if (!(await linkTo(disk, temporary, path))) await createInPlace(disk, path, data);
      return;
    } catch (cause) {
      if (codeOf(cause) !== 'ENOENT' || swept === MOST_SWEPT) throw cause;
    }
  }
}

/**
 * Makes a file where there is none; exactly one of several processes can. It is written beside its place, and takes the
 * name by a hard link, which fails where somebody else has it: nobody ever sees it empty, whatever is killed. Its name
 * may be lost with the power until this returns. Where this fails, no file of its own is left.
 * @param options.temporary a path in the same folder that nobody else uses
 * @throws EEXIST if there is such a file
 */
export async function createFile(
  disk: Disk,
  path: string,
  { data, temporary }: { readonly data: string; readonly temporary: string },
): Promise<void> {
  await makeFolderOf(disk, path);
  try {
    await takeName(disk, path, { data, temporary });
  } finally {
    // one that stays is swept by the next owner of the folder
    await disk.remove(temporary).catch(() => {});
  }
  try {
    await disk.syncFolder(dirname(path));
  } catch (cause) {
    await disk.remove(path).catch(() => {});
    throw cause;
  }
}
