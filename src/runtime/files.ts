/** What the floors above need of a file system. Implemented in platform/, so that the floors below never touch one. */
export interface Files {
  /** @throws {InputError} E_FILE_MISSING or E_FILE_UNREADABLE, naming the path */
  read(path: string): Promise<Uint8Array>;
  /** Writes atomically (temporary file, sync, rename) and creates missing folders; a reader never sees half a file. */
  write(path: string, data: Uint8Array | string): Promise<void>;
  /** Names in a folder, sorted; empty where the folder does not exist. */
  list(folder: string): Promise<readonly string[]>;
  exists(path: string): Promise<boolean>;
  /** The one absolute path of a file or folder, links followed, the same however it is written; undefined where there is none. */
  realPath(path: string): Promise<string | undefined>;
  /** Removes a file or a whole folder; no error where there is none. */
  remove(path: string): Promise<void>;
}

/**
 * Files of a folder that several processes work in, also on several machines. Times are those of the file system, so that clocks of
 * machines do not matter.
 */
export interface SharedFiles extends Files {
  /**
   * As {@link Files.write}.
   * @param confirm asked when the data are safe on disk, right before they take the place of what was there; what it throws leaves that alone
   */
  write(path: string, data: Uint8Array | string, confirm?: () => Promise<void>): Promise<void>;
  /**
   * Makes a file that is not there. Of all that try at once exactly one succeeds.
   * @returns false where it is there already
   */
  create(path: string, data: string): Promise<boolean>;
  /** When a file was last written, ms; undefined where there is none. */
  modifiedMs(path: string): Promise<number | undefined>;
  /** The time now, by the clock of the file system that a folder lies on, ms; only differences to {@link SharedFiles.modifiedMs} mean something. */
  nowMs(folder: string): Promise<number>;
}
