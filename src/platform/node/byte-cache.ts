/**
 * A {@link ByteCache} as a folder of files. An entry is written beside its place and renamed, so readers never see half
 * of one; it is not synced, so a power loss may leave a damaged one, which its reader finds out by a checksum. The time
 * of the last change of a file is that of its last use. Entries that were used within half an hour stay, so that data
 * that exceed the limit do not push each other out from start to start; what finds no room is not kept.
 */
import { randomUUID } from 'node:crypto';
import { mkdir, open, readdir, readFile, rename, rm, stat, utimes } from 'node:fs/promises';
import { join } from 'node:path';
import { formatBytes } from '../../core/format.ts';
import type { ByteCache, ByteCacheSettings } from '../../runtime/byte-cache.ts';
import { temporaryName } from '../../runtime/temporaries.ts';

const ENDING = '.prepared';
const TEMPORARY_ENDING = '.tmp';
/** An entry that was used, or a temporary file that was written, later than this is in use. */
const IN_USE_MS = 30 * 60e3;
/** Writes after which the folder is measured anew, since others write into it too. */
const MEASURE_EVERY = 20;

/** About a million voxels. */
const WORTH_BYTES = 4e6;

interface Entry {
  readonly path: string;
  readonly bytes: number;
  readonly usedMs: number;
}

/** The files of the cache in a folder; those that vanish meanwhile are not listed. */
async function entriesOf(folder: string): Promise<readonly Entry[]> {
  const names = (await readdir(folder)).filter(name => name.endsWith(ENDING) || name.endsWith(TEMPORARY_ENDING));
  const entries: Entry[] = [];
  for (const name of names) {
    const path = join(folder, name);
    const found = await stat(path).catch(() => undefined);
    if (found?.isFile()) entries.push({ path, bytes: found.size, usedMs: found.mtimeMs });
  }
  return entries;
}

function reasonOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : String(error);
}

/** Opens the cache of a folder, which need not exist. */
export function openByteCache({ folder, limitBytes, warn }: ByteCacheSettings): ByteCache {
  let held = 0;
  let untilMeasured = 0;
  let isWriting = true;
  const stop = (reason: string): void => {
    if (isWriting) warn(reason);
    isWriting = false;
  };
  /** Removes what was unused for longest until there is room; false if there is none. */
  const makeRoom = async (bytes: number, nowMs: number): Promise<boolean> => {
    if (untilMeasured-- > 0 && held + bytes <= limitBytes) return true;
    untilMeasured = MEASURE_EVERY;
    const entries = await entriesOf(folder);
    held = entries.reduce((sum, entry) => sum + entry.bytes, 0);
    const unused = entries
      .filter(({ usedMs }) => nowMs - usedMs > IN_USE_MS)
      .sort((left, right) => left.usedMs - right.usedMs);
    for (const entry of unused) {
      if (held + bytes <= limitBytes && !entry.path.endsWith(TEMPORARY_ENDING)) break;
      await rm(entry.path, { force: true });
      held -= entry.bytes;
    }
    return held + bytes <= limitBytes;
  };
  return {
    worthBytes: WORTH_BYTES,
    read: async name => {
      const path = join(folder, `${name}${ENDING}`);
      try {
        const { buffer, byteOffset, length } = await readFile(path);
        const now = new Date();
        // whoever may not say so reads all the same
        await utimes(path, now, now).catch(() => {});
        return new Uint8Array(buffer, byteOffset, length);
      } catch {
        return undefined;
      }
    },
    write: async (name, parts) => {
      if (!isWriting) return;
      const bytes = parts.reduce((sum, { length }) => sum + length, 0);
      const temporary = join(folder, temporaryName(name, randomUUID()));
      try {
        await mkdir(folder, { recursive: true });
        if (!(await makeRoom(bytes, Date.now()))) {
          stop(`${folder} is full with ${formatBytes(limitBytes)} of cases in use`);
          return;
        }
        const file = await open(temporary, 'wx');
        try {
          for (const part of parts) await file.writeFile(part);
        } finally {
          await file.close();
        }
        await rename(temporary, join(folder, `${name}${ENDING}`));
        held += bytes;
      } catch (error) {
        await rm(temporary, { force: true }).catch(() => {});
        stop(`${folder} cannot be written (${reasonOf(error)})`);
      }
    },
  };
}
