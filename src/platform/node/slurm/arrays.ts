/**
 * Plans Slurm arrays for a list of units: one per stage, teachers before their students, baselines in parallel. The
 * index of a task is the index of its unit, minus a multiple of MaxArraySize if indices exceed it.
 */
import type { Arm } from '../../../experiment/record.ts';
import type { ArrayScript } from './script.ts';

/** A unit with its index in the study. */
export interface PlacedUnit {
  readonly index: number;
  readonly arm: Arm;
}

/** An array, and the names of earlier arrays that it waits for. */
export interface PlannedArray extends ArrayScript {
  readonly after: readonly string[];
}

const STAGES = ['teacher', 'student', 'baseline'] as const satisfies readonly Arm[];

/**
 * Plans the arrays, in the order of their submission.
 * @param units ascending by index
 * @param options.concurrency number of units that may run at once; arrays then run one after another, and each limits
 * its tasks. null for no limit
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
