/** How long the experiment of a plan takes on this machine: steps that are tried out, and the windows of every case. */

import { zyx } from '../core/axes.ts';
import type { Fingerprint } from '../data/fingerprint.ts';
import { countWindows } from '../inference/sliding-window.ts';
import type { Laboratory } from './laboratory.ts';
import { armsOf, type Plan } from './plan.ts';
import { FORWARD_SHARE, measureStepMs } from './step-time.ts';

/** Measured times of a plan. */
export interface PlanTime {
  /** Milliseconds of a training step. */
  readonly stepMs: { readonly teacher: number; readonly student: number; readonly coarse?: number };
  /** Seconds of the whole run: training, validation, the choice of post-processing, and evaluation. */
  readonly seconds: number;
}

/** How a run divides the cases, and how often. */
export interface Division {
  /** Shares of the cases that validate and test. */
  readonly validation: number;
  readonly test: number;
  /** Number of times that all arms are trained. */
  readonly repeats: number;
}

/** Validations in a training by default, and the pass over the validation cases that chooses post-processing. */
const VALIDATION_PASSES = 10 + 1;

/**
 * Seconds of a run: for every arm steps x step time, and windows x time of a forward pass for each pass over a case.
 * Reading, resampling and scoring are not included.
 */
export function runSeconds(
  { steps, batch, medianSizeVoxels, patchVoxels }: Plan,
  labelledCases: number,
  { stepMs, division }: { readonly stepMs: PlanTime['stepMs']; readonly division: Division },
): number {
  const windows = countWindows({ size: zyx(medianSizeVoxels), window: zyx(patchVoxels) });
  const passes = labelledCases * (VALIDATION_PASSES * division.validation + division.test);
  const baseline = Math.max(0, stepMs.student - FORWARD_SHARE * stepMs.teacher);
  const armMs = (step: number, own: number): number => steps * step + (passes * windows * FORWARD_SHARE * own) / batch;
  const ms = armMs(stepMs.teacher, stepMs.teacher) + armMs(stepMs.student, baseline) + armMs(baseline, baseline);
  return (division.repeats * ms) / 1000;
}

/** Arms whose evaluation asks the coarse stage anew. */
const ARMS_OF_REGION = 3;

/**
 * Seconds that a coarse stage adds to a run: its own training, validations and evaluation, and the regions of all
 * cases, of those that train and validate once, of those that test and choose once for each arm.
 */
export function coarseSeconds(
  { steps, batch, medianSizeVoxels, patchVoxels }: Pick<Plan, 'steps' | 'batch' | 'medianSizeVoxels' | 'patchVoxels'>,
  labelledCases: number,
  { stepMs, division }: { readonly stepMs: number; readonly division: Division },
): number {
  const { validation, test, repeats } = division;
  const windows = countWindows({ size: zyx(medianSizeVoxels), window: zyx(patchVoxels) });
  const own = VALIDATION_PASSES * validation + test;
  const regions = 1 - test + ARMS_OF_REGION * (test + validation);
  const passes = labelledCases * (own + regions);
  return (repeats * (steps * stepMs + (passes * windows * FORWARD_SHARE * stepMs) / batch)) / 1000;
}

/** Tries a few steps of teacher and student, on noise, and works out how long a run takes. */
export async function measurePlan(
  laboratory: Pick<Laboratory, 'engine' | 'machine'>,
  fingerprint: Fingerprint,
  { plan, division }: { readonly plan: Plan; readonly division: Division },
): Promise<PlanTime> {
  const { teacher, student } = armsOf(fingerprint, plan);
  const stepMs = {
    teacher: await measureStepMs(laboratory, teacher),
    student: await measureStepMs(laboratory, student),
  };
  return { stepMs, seconds: runSeconds(plan, fingerprint.labelledCases, { stepMs, division }) };
}

/** As measurePlan, for a recipe that trains a coarse stage first: the student of the plan of whole cases, alone. */
export async function measureCascade(
  laboratory: Pick<Laboratory, 'engine' | 'machine'>,
  fingerprint: Fingerprint,
  { coarse, fine, division }: { readonly coarse: Plan; readonly fine: Plan; readonly division: Division },
): Promise<PlanTime> {
  const { stepMs, seconds } = await measurePlan(laboratory, fingerprint, { plan: fine, division });
  const own = await measureStepMs(laboratory, armsOf(fingerprint, coarse).alone);
  const added = coarseSeconds(coarse, fingerprint.labelledCases, { stepMs: own, division });
  return { stepMs: { ...stepMs, coarse: own }, seconds: seconds + added };
}
