/**
 * What a run leaves behind, as types: the JSON files of a run directory. Field names are the contract with outside readers;
 * they may grow but never change. An infinite or undefined number is written as null and explained by the field beside it.
 */

import type { Postprocessing } from '../inference/postprocess.ts';
import type { ReliabilityBin } from '../metrics/calibration.ts';
import type { CaseScore, ScoreSummary } from '../metrics/case-score.ts';
import type { PostprocessingTrial } from '../recipe/postprocessing-schema.ts';
import type { IncompleteArms } from '../study/comparison/incomplete.ts';

interface ModelCost {
  readonly path: string;
  readonly sha256: string;
  readonly parameters: number;
  /** Multiply-adds for one window. */
  readonly multiplyAdds: number;
  readonly bytes: number;
  readonly secondsPerCase: number;
  /** Peak resident memory of the process while it evaluated. */
  readonly peakBytes: number;
}

/** `evaluation.json` */
export interface Evaluation {
  readonly model: ModelCost;
  readonly dataset: string;
  readonly split: string;
  readonly cases: readonly CaseScore[];
  readonly summary: ScoreSummary;
  /** By class name: the points of a reliability diagram over all cases; empty where the probabilities were not known. */
  readonly calibration: Readonly<Record<string, readonly ReliabilityBin[]>>;
  /** What was done to the segmentations, by class name. */
  readonly postprocess: Postprocessing;
  /** What was compared on the validation cases to choose it; empty where it was given or nothing was compared. */
  readonly postprocessTrials: readonly PostprocessingTrial[];
}

export type Arm = 'teacher' | 'student' | 'baseline';
export const ARMS: readonly Arm[] = ['teacher', 'student', 'baseline'];

export interface ArmSummary {
  readonly meanDice: number;
  readonly meanDiceCi95: readonly [number, number];
  /** Mean Dice per class name. */
  readonly classes: Readonly<Record<string, number>>;
  readonly parameters: number;
  readonly bytes: number;
  readonly multiplyAdds: number;
  readonly secondsPerCase: number;
  readonly peakBytes: number;
}

export interface PairTest {
  readonly a: string;
  readonly b: string;
  /** `meanDice`, or `dice:<class>` */
  readonly metric: string;
  /** Mean over cases of a - b. */
  readonly meanDifference: number;
  readonly ci95: readonly [number, number];
  /** Of this test alone. */
  readonly pValue: number;
  /** Corrected for the tests of the same metric beside it (Holm); the sentence goes by it. */
  readonly pValueHolm: number;
  readonly test: 'wilcoxon signed-rank';
  /** Cases. */
  readonly n: number;
  /** Trained models of a and of b: folds times seeds. */
  readonly models: readonly [number, number];
  /** What the numbers say, in one sentence for people. */
  readonly sentence: string;
}

/** An arm pooled over folds and seeds, with one entry for each of them beside it where there are several. */
interface PooledArm extends ArmSummary {
  readonly seeds?: Readonly<Record<string, ArmSummary>>;
  readonly folds?: Readonly<Record<string, ArmSummary>>;
}

/** `comparison.json` */
export interface Comparison {
  readonly arms: Readonly<Record<string, PooledArm>>;
  readonly pairs: readonly PairTest[];
  /** Where units are missing. */
  readonly incomplete?: IncompleteArms;
}

/** One row of `history.csv`; loss terms and validation scores vary with the recipe. */
export interface HistoryRow {
  readonly step: number;
  readonly epoch: number;
  readonly seconds: number;
  readonly learningRate: number;
  /** Loss terms by name: total, crossEntropy, dice, kd, ...; empty in rows that only validate. */
  readonly losses: Readonly<Record<string, number>>;
  /** Validation mean Dice, where this step validated. */
  readonly validationDice?: number;
}
