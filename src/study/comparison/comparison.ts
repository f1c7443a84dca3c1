/** Types of `comparison.json`: arms side by side, tests of pairs of arms, and values pooled over seeds and folds. */
import type { DiceReliability } from '../../metrics/expected-dice.ts';
import type { MarginTest } from '../../metrics/margin.ts';
import type { FailedCases } from './failed-cases.ts';
import type { GroupScores } from './group-scores.ts';
import type { IncompleteArms } from './incomplete.ts';

export interface ArmSummary {
  readonly meanDice: number;
  readonly meanDiceCi95: readonly [number, number];
  /** Mean Dice per class name. */
  readonly classes: Readonly<Record<string, number>>;
  /** Dice that the models expect against the true one, by class name, over all cases and models; empty if none was. */
  readonly expectedDice?: Readonly<Record<string, DiceReliability>>;
  readonly parameters: number;
  readonly bytes: number;
  readonly multiplyAdds: number;
  readonly secondsPerCase: number;
  readonly peakBytes: number;
}

export interface PairTest {
  readonly a: string;
  readonly b: string;
  /**
   * `meanDice`, or `<metric>:<class>`, such as `dice:Anterior` and `hd95Mm:Anterior`; `volumeErrorPercent` is tested by
   * its size.
   */
  readonly metric: string;
  /** Mean over cases of a - b. */
  readonly meanDifference: number;
  readonly ci95: readonly [number, number];
  /** p-value of this test alone. */
  readonly pValue: number;
  /** p-value corrected for the other tests of the same metric (Holm); the sentence follows it. */
  readonly pValueHolm: number;
  /** Smallest possible `pValueHolm` for this number of differing cases; from 0.05 on the test cannot find anything. */
  readonly smallestPHolm: number;
  readonly test: 'wilcoxon signed-rank';
  /** Number of cases. */
  readonly n: number;
  /** Number of cases on which a and b differ; the test uses these. */
  readonly differing: number;
  /** Number of trained models of a and of b: folds times seeds. */
  readonly models: readonly [number, number];
  /** For a distance: number of excluded cases, where only one of reference and prediction has the structure. */
  readonly missed?: readonly [number, number];
  /** The finding in one sentence for people. */
  readonly sentence: string;
}

/** Whether an arm loses less than a margin: a one-sided test at 5 %, beside the two-sided ones of {@link PairTest}. */
export interface MarginJudgement extends MarginTest {
  /** The student, */
  readonly a: string;
  /** and its teacher. */
  readonly b: string;
  readonly metric: 'meanDice';
  /** Largest loss that does not matter. */
  readonly margin: number;
  /** Mean over cases of a - b. */
  readonly meanDifference: number;
  readonly n: number;
  readonly models: readonly [number, number];
  /** The margin was not in the recipe before the run began. */
  readonly givenAfterwards?: true;
  readonly sentence: string;
}

/** An arm pooled over folds and seeds, and one entry for each of them if there are several. */
interface PooledArm extends ArmSummary {
  readonly seeds?: Readonly<Record<string, ArmSummary>>;
  readonly folds?: Readonly<Record<string, ArmSummary>>;
}

/** `comparison.json` */
export interface Comparison {
  readonly arms: Readonly<Record<string, PooledArm>>;
  readonly pairs: readonly PairTest[];
  /** Students against their teachers, where the recipe has `compare.margin`. */
  readonly notWorse?: readonly MarginJudgement[];
  /** Scores by group of cases, where the recipe has `groups`. */
  readonly groups?: readonly GroupScores[];
  /** Arms with missing units. */
  readonly incomplete?: IncompleteArms;
  /** Cases that are in no score of an arm, since they could not be read or segmented. */
  readonly failed?: FailedCases;
}
