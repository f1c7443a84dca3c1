/**
 * Room for the answers of many teachers in one folder. Where it is full, all answers of the teacher go whose students stopped longest ago. Not single
 * ones: every student asks in the same order, so that of one teacher's answers the oldest are those that the next student wants first. Who
 * uses a teacher's answers says so from time to time, by a file beside them. One who is stopped while removing answers leaves whole ones.
 */
import type { SharedFiles } from '../runtime/files.ts';

/** What the room is made of. */
export interface RoomOptions {
  readonly files: Pick<SharedFiles, 'write' | 'list' | 'remove' | 'modifiedMs' | 'nowMs'>;
  /** Shared by all teachers and runs; a folder for each teacher in it, whose name ends with the bytes of one answer. */
  readonly folder: string;
  /** Of all answers in the folder. */
  readonly limitBytes: number;
  readonly elapsedMs: () => number;
  readonly log: (message: string) => void;
}

/** The ending of a file with an answer. */
export const ANSWER_ENDING = '.softlabels';
const USED = 'used';
/** Between two times that a teacher is said to be in use, and when one is no longer. */
const SAY_EVERY_MS = 5 * 60e3;
const UNUSED_AFTER_MS = 30 * 60e3;

/** Room for one teacher. */
export interface Room {
  /** Says that the teacher's answers are in use. */
  use(): Promise<void>;
  /** Makes room for an answer; false where the limit does not leave any. */
  take(bytes: number): Promise<boolean>;
}

/** @param own the teacher's folder within that of all */
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
  /** The teacher other than this one that is longest out of use. */
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
