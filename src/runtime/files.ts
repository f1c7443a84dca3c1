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
