/**
 * A bounded store of bytes by name, which several processes share. What it holds was computed and can be computed
 * again, so nothing here is an error: an entry that is gone, damaged or cannot be written is made anew.
 */

/** Where and how much. */
export interface ByteCacheSettings {
  readonly folder: string;
  /** Largest size of all entries together, bytes. */
  readonly limitBytes: number;
  /** Called once if entries can no longer be kept, and why. */
  readonly warn: (reason: string) => void;
}

export interface ByteCache {
  /** Bytes of voxels below which what is computed of them is made as fast as it is read, and need not be kept. */
  readonly worthBytes: number;
  /** An entry, whose use this is; undefined if there is none, or it cannot be read. Not checked: bytes as they are. */
  read(name: string): Promise<Uint8Array | undefined>;
  /**
   * Keeps an entry, whole or not at all; entries that were not used for long give way to it.
   * @param parts of it, one after another
   */
  write(name: string, parts: readonly Uint8Array[]): Promise<void>;
}
