/** `comparison.json` as types: arms side by side, tests of pairs of arms, and what is pooled over seeds and folds. */
import type { MarginTest } from '../../metrics/margin.ts';
import type { IncompleteArms } from './incomplete.ts';

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
  /** `meanDice`, or `<metric>:<class>`, such as `dice:Anterior` and `hd95Mm:Anterior`; `volumeErrorPercent` is tested by its size. */
  readonly metric: string;
  /** Mean over cases of a - b. */
  readonly meanDifference: number;
  readonly ci95: readonly [number, number];
  /** Of this test alone. */
  readonly pValue: number;
  /** Corrected for the tests of the same metric beside it (Holm); the sentence goes by it. */
  readonly pValueHolm: number;
  /** The least that `pValueHolm` can be with as many cases that differ; from 0.05 on the test cannot find anything. */
  readonly smallestPHolm: number;
  readonly test: 'wilcoxon signed-rank';
  /** Cases. */
  readonly n: number;
  /** Cases on which a and b differ; the test is about these. */
  readonly differing: number;
  /** Trained models of a and of b: folds times seeds. */
  readonly models: readonly [number, number];
  /** Of a distance: cases that are not in it, since a or b misses the structure or makes it up. */
  readonly missed?: readonly [number, number];
  /** What the numbers say, in one sentence for people. */
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

/** An arm pooled over folds and seeds, with one entry for each of them beside it where there are several. */
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
  /** Where units are missing. */
  readonly incomplete?: IncompleteArms;
}
