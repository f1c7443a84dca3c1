/**
 * Types of the JSON files of a run directory. Outside readers depend on the field names: fields may be added, but never
 * renamed. An infinite or undefined number is written as null and explained by the field beside it.
 */

import type { Postprocessing } from '../inference/postprocess.ts';
import type { ReliabilityBin } from '../metrics/calibration.ts';
import type { CaseScore, ScoreSummary } from '../metrics/case-score.ts';
import type { DiceReliability } from '../metrics/expected-dice.ts';
import type { ThresholdTrial } from '../recipe/schema/confidence.ts';
import type { PostprocessingTrial } from '../recipe/schema/postprocessing.ts';
import type { DeviceKind } from '../runtime/device.ts';

interface ModelCost {
  readonly path: string;
  readonly sha256: string;
  readonly parameters: number;
  /** Multiply-adds for one window. */
  readonly multiplyAdds: number;
  readonly bytes: number;
  readonly secondsPerCase: number;
  /** What computed; absent in evaluations of earlier versions, which knew the processor alone. */
  readonly device?: DeviceKind | undefined;
  /** Peak resident memory of the process while it evaluated. */
  readonly peakBytes: number;
}

/** A case that could not be read or segmented, and is in no score. */
export interface FailedCase {
  readonly id: string;
  /** `E_...`. */
  readonly code: string;
  readonly message: string;
}

/** What a model says of its own certainty, and how far that can be believed on the evaluated cases. */
interface EvaluatedConfidence {
  /** Null where none was fitted, or the models of an ensemble differ. */
  readonly temperature: number | null;
  /** Half width of the interval of the expected Dice, by class name, from the validation cases. */
  readonly halfWidths: Readonly<Record<string, number>>;
  /** Expected against true Dice, by class name; empty where no Dice was expected. */
  readonly reliability: Readonly<Record<string, DiceReliability>>;
}

/** `evaluation.json` */
export interface Evaluation {
  readonly model: ModelCost;
  readonly dataset: string;
  readonly split: string;
  readonly cases: readonly CaseScore[];
  readonly summary: ScoreSummary;
  /** Points of a reliability diagram over all cases, by class name; empty if the probabilities were not known. */
  readonly calibration: Readonly<Record<string, readonly ReliabilityBin[]>>;
  /** Post-processing of the segmentations, by class name. */
  readonly postprocess: Postprocessing;
  /** Comparisons on the validation cases that chose it; empty if it was given or nothing was compared. */
  readonly postprocessTrials: readonly PostprocessingTrial[];
  /** Cases that could not be scored; absent where the evaluation does not say. */
  readonly failed?: readonly FailedCase[] | undefined;
  /** Thresholds by class name; of other classes the most likely one wins. */
  readonly thresholds: Readonly<Record<string, number>>;
  /** Comparisons on the validation cases that chose them; empty if nothing was compared. */
  readonly thresholdTrials: readonly ThresholdTrial[];
  readonly confidence: EvaluatedConfidence;
  /** What should be known before the scores are believed; absent in evaluations of earlier versions. */
  readonly warnings?: readonly { readonly code: string; readonly message: string }[] | undefined;
}

/** The networks that a run compares. */
export type Arm = 'teacher' | 'student' | 'baseline';
export const ARMS: readonly Arm[] = ['teacher', 'student', 'baseline'];

/** The networks that a run may train: its arms, and before them what finds the region of interest for all of them. */
export type TrainedArm = 'coarse' | Arm;
export const TRAINED_ARMS: readonly TrainedArm[] = ['coarse', ...ARMS];

/** The key of a recipe that describes the network of an arm. */
export function keyOfArm(arm: TrainedArm): 'cascade.coarse' | 'teacher' | 'student' {
  if (arm === 'coarse') return 'cascade.coarse';
  return arm === 'teacher' ? 'teacher' : 'student';
}
