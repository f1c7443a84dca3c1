/**
 * Plans Slurm arrays for a list of units: one per stage, coarse stages first, teachers before their students, baselines
 * in parallel. The index of a task is the index of its unit, minus a multiple of MaxArraySize if indices exceed it.
 */
import type { TrainedArm } from '../../../experiment/record.ts';
import type { ArrayScript } from './script.ts';

/** A unit with its index in the study. */
export interface PlacedUnit {
  readonly index: number;
  readonly arm: TrainedArm;
}

/** An array, and the names of earlier arrays that it waits for. */
export interface PlannedArray extends ArrayScript {
  readonly after: readonly string[];
}

const STAGES = ['coarse', 'teacher', 'student', 'baseline'] as const satisfies readonly TrainedArm[];

/** The stages whose models the units of a stage may need. */
const NEEDED: Readonly<Record<TrainedArm, readonly TrainedArm[]>> = {
  coarse: [],
  teacher: ['coarse'],
  student: ['coarse', 'teacher'],
  baseline: ['coarse'],
};

/** Names of the arrays of each stage begin with them. */
const PLURALS: Readonly<Record<TrainedArm, string>> = {
  coarse: 'coarse',
  teacher: 'teachers',
  student: 'students',
  baseline: 'baselines',
};

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
  const planned: (PlannedArray & Pick<PlacedUnit, 'arm'>)[] = [];
  for (const arm of STAGES) {
    const own = units.filter(unit => unit.arm === arm).map(({ index }) => index);
    const partOf = (index: number): number => Math.floor(index / maxArraySize);
    const needed = planned.filter(one => NEEDED[arm].includes(one.arm)).map(({ name }) => name);
    const parts = [...new Set(own.map(partOf))];
    for (const part of parts) {
      const before = planned.map(array => array.name);
      planned.push({
        arm,
        name: parts.length === 1 ? PLURALS[arm] : `${PLURALS[arm]}-${part}`,
        units: own.filter(index => partOf(index) === part),
        offset: part * maxArraySize,
        concurrency,
        after: concurrency === null ? needed : before.slice(-1),
      });
    }
  }
  return planned.map(({ arm: _, ...array }) => array);
}
