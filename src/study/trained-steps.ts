/**
 * How many steps the trainings of a study really took, where `earlyStop` lets them end before the last one, and whether
 * that is the same for what is compared.
 */
import { z } from 'zod';
import type { VolumeWarning } from '../volume/geometry.ts';

/** Steps that a training took, and those that its recipe allows. */
export const trainedStepsSchema = z.object({ steps: z.int().min(0), planned: z.int().min(0) });
export type TrainedSteps = z.output<typeof trainedStepsSchema>;

/** A unit of a study with its steps. */
export interface StepsOfUnit {
  readonly arm: string;
  readonly fold: number | null;
  readonly seed: number;
  readonly label: string;
  readonly trained: TrainedSteps | undefined;
}

/**
 * Lists students and baselines that ended at different steps (W_STEPS_DIFFER): the difference of their scores is then
 * also one of their numbers of steps.
 * @param units of a run: one of each arm by fold and seed
 */
export function stepWarnings(units: readonly StepsOfUnit[]): readonly VolumeWarning[] {
  const pairs = units
    .filter(({ arm }) => arm === 'student')
    .flatMap(student => {
      const { fold, seed } = student;
      const baseline = units.find(one => one.arm === 'baseline' && one.fold === fold && one.seed === seed);
      const [own, other] = [student.trained, baseline?.trained];
      return own === undefined || other === undefined ? [] : [{ label: student.label, own, other }];
    });
  const apart = pairs.filter(({ own, other }) => own.steps !== other.steps);
  const [first] = apart;
  if (first === undefined) return [];
  const { label, own, other } = first;
  const more = apart.length === 1 ? '' : `, and so with ${apart.length} of ${pairs.length} pairs`;
  const message =
    `earlyStop ended student and baseline at different steps (${label}: ${own.steps} against ${other.steps} of ${own.planned}${more}). ` +
    'Their comparison is one of two trainings that each went on as long as it helped; for equal numbers of steps leave student.train.earlyStop out.';
  return [{ code: 'W_STEPS_DIFFER', message }];
}
