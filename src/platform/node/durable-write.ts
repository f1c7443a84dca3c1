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

/**
 * Makes a file where there is none; its content may be lost with the power until this returns, its name then too. One
 * that cannot be written, on a full disk for example, is removed: an empty claim would hold its unit for a whole lease.
 */
export async function createFile(disk: Disk, path: string, data: string): Promise<void> {
  await makeFolderOf(disk, path);
  try {
    await disk.writeSynced(path, data, 'wx');
  } catch (cause) {
    const isThere = cause instanceof Error && 'code' in cause && cause.code === 'EEXIST';
    if (!isThere) await disk.remove(path).catch(() => {});
    throw cause;
  }
  await disk.syncFolder(dirname(path));
}
