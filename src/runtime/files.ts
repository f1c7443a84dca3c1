/** The interface to a file system. Implementations are in platform/, so no other floor touches files. */
export interface Files {
  /** @throws {InputError} E_FILE_MISSING or E_FILE_UNREADABLE, naming the path */
  read(path: string): Promise<Uint8Array>;
  /**
   * The first bytes of a file, all of them where it is shorter. An implementation that must read the whole file has no
   * such function; see {@link readStart}.
   * @throws {InputError} as read
   */
  readStart?(path: string, bytes: number): Promise<Uint8Array>;
  /** Writes atomically (temporary file, sync, rename) and creates missing folders; a reader never sees half a file. */
  write(path: string, data: Uint8Array | string): Promise<void>;
  /** Names in a folder, sorted; empty if the folder does not exist. */
  list(folder: string): Promise<readonly string[]>;
  /** @throws {InputError} E_FILE_UNREADABLE if the file system fails, so that nobody knows */
  exists(path: string): Promise<boolean>;
  /** The canonical absolute path of a file or folder, with links resolved; undefined if it does not exist. */
  realPath(path: string): Promise<string | undefined>;
  /** Removes a file or a whole folder; no error if it does not exist. */
  remove(path: string): Promise<void>;
}

/** The first bytes of a file, all of them where it is shorter. @throws {InputError} as Files.read */
export async function readStart(
  files: Pick<Files, 'read' | 'readStart'>,
  path: string,
  bytes: number,
): Promise<Uint8Array> {
  return files.readStart === undefined ? (await files.read(path)).subarray(0, bytes) : files.readStart(path, bytes);
}

/**
 * Files of a folder that several processes share, also on several machines. Times are those of the file system, so the
 * clocks of the machines do not matter.
 */
export interface SharedFiles extends Files {
  /**
   * As {@link Files.write}.
   * @param confirm called when the data are safe on disk, just before they replace the old file; if it throws, the old
   * file stays
   */
  write(path: string, data: Uint8Array | string, confirm?: () => Promise<void>): Promise<void>;
  /**
   * Creates a file that does not exist yet. If several processes try at once, exactly one succeeds.
   * @returns false if the file exists already
   */
  create(path: string, data: string): Promise<boolean>;
  /** Time of the last write to a file, ms; undefined if the file does not exist. */
  modifiedMs(path: string): Promise<number | undefined>;
  /**
   * The current time by the clock of the folder's file system, ms; only differences to {@link SharedFiles.modifiedMs}
   * are meaningful.
   */
  nowMs(folder: string): Promise<number>;
}
