/**
 * Which arrays a list of units becomes: one per stage, teachers before the students that they teach, baselines beside them. A task's
 * index is its unit's number in the plan, less a multiple of MaxArraySize where numbers reach beyond it.
 */
import type { Arm } from '../../../experiment/record.ts';
import type { ArrayScript } from './script.ts';

/** A unit by its number in the plan of the study. */
export interface PlacedUnit {
  readonly index: number;
  readonly arm: Arm;
}

/** An array, and the names of those before it in the list that it waits for. */
export interface PlannedArray extends ArrayScript {
  readonly after: readonly string[];
}

const STAGES = ['teacher', 'student', 'baseline'] as const satisfies readonly Arm[];

/**
 * Plans the arrays, in the order of their submission.
 * @param units ascending by index
 * @param options.concurrency units that may run at once. For that, arrays go one after another, and each limits its tasks; null for any number
 */
export function planArrays(
  units: readonly PlacedUnit[],
  { maxArraySize, concurrency }: { readonly maxArraySize: number; readonly concurrency: number | null },
): readonly PlannedArray[] {
  const planned: PlannedArray[] = [];
  for (const arm of STAGES) {
    const own = units.filter(unit => unit.arm === arm).map(({ index }) => index);
    const partOf = (index: number): number => Math.floor(index / maxArraySize);
    const teachers = arm === 'student' ? planned.map(({ name }) => name) : [];
    const parts = [...new Set(own.map(partOf))];
    for (const part of parts) {
      const before = planned.map(array => array.name);
      planned.push({
        name: parts.length === 1 ? `${arm}s` : `${arm}s-${part}`,
        units: own.filter(index => partOf(index) === part),
        offset: part * maxArraySize,
        concurrency,
        after: concurrency === null ? teachers : before.slice(-1),
      });
    }
  }
  return planned;
}
