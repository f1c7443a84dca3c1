/**
 * The schedule of units on one machine: in the order of the list, several at once, each after the units whose models it
 * needs. A unit that another process holds is tried again later; a unit whose process disappeared is restarted a few
 * times.
 */
import { HELD_INTERVAL_MS } from './claim.ts';
import type { UnitEnd } from './end.ts';
import type { ListedUnit } from './units-file.ts';

/** Number of attempts after which a lost unit is not restarted automatically. */
export const MOST_ATTEMPTS = 5;

/** Result of an attempt. vanished: the process disappeared without an outcome. */
export type Attempted = UnitEnd | { readonly status: 'vanished'; readonly error: { code: string; message: string } };

export interface ScheduleOptions {
  readonly units: readonly ListedUnit[];
  /** Indices of the units to run. */
  readonly places: readonly number[];
  /** Number of units that run at once. */
  readonly concurrency: number;
  readonly perform: (place: number) => Promise<Attempted>;
  readonly wait: (ms: number) => Promise<void>;
  /** Called when the schedule waits for a unit that another process holds. */
  readonly onHeld: (place: number, message: string) => void;
  /** Called when a unit has ended; the next one starts after it returns. */
  readonly onEnd?: (() => Promise<void>) | undefined;
}

/**
 * Runs units.
 * @returns the end of each unit by its index
 * @throws the first error of `perform`, after all started units have ended; no unit starts after it
 */
export async function schedule(options: ScheduleOptions): Promise<ReadonlyMap<number, UnitEnd>> {
  const { units, places, concurrency, perform, wait, onHeld, onEnd } = options;
  const ends = new Map<number, UnitEnd>();
  const waiting = new Set(places);
  const held = new Set<number>();
  const told = new Set<number>();
  const attempts = new Map<number, number>();
  const running = new Map<number, Promise<void>>();
  const thrown: unknown[] = [];

  const note = (place: number, end: Attempted): void => {
    if (end.status === 'held') {
      if (!told.has(place)) onHeld(place, end.error.message);
      told.add(place);
      held.add(place);
      return;
    }
    if (end.status !== 'vanished') {
      waiting.delete(place);
      ends.set(place, end);
      return;
    }
    const attempt = (attempts.get(place) ?? 0) + 1;
    attempts.set(place, attempt);
    if (attempt < MOST_ATTEMPTS) return;
    waiting.delete(place);
    ends.set(place, { status: 'unfinished', error: end.error });
  };
  const begin = (place: number): void => {
    const attempt = perform(place)
      .then(async end => {
        note(place, end);
        if (ends.has(place)) await onEnd?.();
      })
      .catch(error => {
        thrown.push(error);
      })
      .finally(() => running.delete(place));
    running.set(place, attempt);
  };
  const isReady = (place: number): boolean => {
    const { coarse, teacher } = units[place] as ListedUnit;
    const isFree = [coarse, teacher].every(before => before === undefined || !waiting.has(before));
    return isFree && !running.has(place) && !held.has(place);
  };

  let look: Promise<void> | undefined;
  const lookAgain = (): Promise<void> => {
    look ??= wait(HELD_INTERVAL_MS).then(() => {
      held.clear();
      look = undefined;
    });
    return look;
  };
  while (waiting.size > 0 && thrown.length === 0) {
    for (const place of waiting) {
      if (running.size >= concurrency) break;
      if (isReady(place)) begin(place);
    }
    await Promise.race([...running.values(), ...(held.size > 0 ? [lookAgain()] : [])]);
  }
  await Promise.all(running.values());
  if (thrown.length > 0) throw thrown[0];
  return ends;
}
