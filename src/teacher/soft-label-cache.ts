/**
 * The cache of soft labels: one folder for the answers of many teachers. When it is full, all answers of the teacher
 * are removed that has been unused for longest. Single answers are not removed: every student reads them in the same
 * order, so the oldest answers are those that the next student needs first. Users of a teacher's answers mark them as
 * in use from time to time, by a file beside them. An interrupted removal leaves only whole answers.
 */
import type { SharedFiles } from '../runtime/files.ts';

/** Settings of the cache. */
export interface RoomOptions {
  readonly files: Pick<SharedFiles, 'write' | 'list' | 'remove' | 'modifiedMs' | 'nowMs'>;
  /**
   * Folder that all teachers and runs share; each teacher has a subfolder whose name ends with the bytes of one answer.
   */
  readonly folder: string;
  /** Limit for all answers in the folder, bytes. */
  readonly limitBytes: number;
  readonly elapsedMs: () => number;
  readonly log: (message: string) => void;
}

/** Ending of a file with an answer. */
export const ANSWER_ENDING = '.softlabels';
const USED = 'used';
/** Interval between marks that a teacher is in use, and age after which a mark expires, ms. */
const SAY_EVERY_MS = 5 * 60e3;
const UNUSED_AFTER_MS = 30 * 60e3;

/** The cache of one teacher. */
export interface Room {
  /** Marks the teacher's answers as in use. */
  use(): Promise<void>;
  /** Frees space for an answer; false if the limit does not allow it. */
  take(bytes: number): Promise<boolean>;
}

/** @param own name of the teacher's subfolder */
export function openRoom({ files, folder, limitBytes, elapsedMs, log }: RoomOptions, own: string): Room {
  let saidMs = Number.NEGATIVE_INFINITY;
  let kept: number | undefined;
  /** Bytes of the answers of each teacher. */
  const measure = async (): Promise<ReadonlyMap<string, number>> => {
    const sizes = new Map<string, number>();
    for (const name of await files.list(folder)) {
      const bytes = Number(/-(\d+)$/.exec(name)?.[1]);
      if (!Number.isFinite(bytes)) continue;
      const answers = (await files.list(`${folder}/${name}`)).filter(file => file.endsWith(ANSWER_ENDING));
      sizes.set(name, bytes * answers.length);
    }
    return sizes;
  };
  const total = (sizes: ReadonlyMap<string, number>): number =>
    [...sizes.values()].reduce((sum, size) => sum + size, 0);
  /** The teacher other than this one that has been unused for longest. */
  const longestUnused = async (names: Iterable<string>): Promise<string | undefined> => {
    const nowMs = await files.nowMs(folder);
    let longest: { readonly name: string; readonly ms: number } | undefined;
    for (const name of names) {
      const ms = nowMs - ((await files.modifiedMs(`${folder}/${name}/${USED}`)) ?? 0);
      if (name !== own && ms > UNUSED_AFTER_MS && ms > (longest?.ms ?? 0)) longest = { name, ms };
    }
    return longest?.name;
  };
  return {
    use: async () => {
      if (elapsedMs() - saidMs < SAY_EVERY_MS) return;
      saidMs = elapsedMs();
      await files.write(`${folder}/${own}/${USED}`, '');
    },
    take: async bytes => {
      kept ??= total(await measure());
      while (kept + bytes > limitBytes) {
        const sizes = await measure();
        const name = await longestUnused(sizes.keys());
        if (name === undefined) return false;
        log(`soft labels: ${folder} is full, so those of a teacher that is not in use are removed (${name})`);
        await files.remove(`${folder}/${name}`);
        kept = total(sizes) - (sizes.get(name) ?? 0);
      }
      kept += bytes;
      return true;
    },
  };
}
