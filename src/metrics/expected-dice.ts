/**
 * The Dice that a model expects of its own segmentation, from its probabilities alone, and how far that can be
 * believed: expected against true Dice over cases with a reference.
 */
import type { CaseScore } from './case-score.ts';
import { meanOf } from './statistics.ts';

/** What was added up of one class over the voxels of a volume. */
export interface SoftOverlap {
  /** Sum of the class's probabilities over the voxels that were given it. */
  readonly inside: number;
  /** Sum of its probabilities over all voxels. */
  readonly all: number;
  /** Number of voxels that were given it. */
  readonly voxels: number;
}

/**
 * Expected Dice 2 sum_{i in S} p_i / (|S| + sum_i p_i), in [0, 1], of a segmentation S of voxels whose probabilities p
 * are right and independent: the ratio of the expectations of 2 |S and R| and |S| + |R| over references R.
 * @returns null where nothing was given the class
 * @see Borges et al., Soft Dice Confidence, arXiv:2402.10665, who bound its distance from the exact expectation
 */
export function expectedDice({ inside, all, voxels }: SoftOverlap): number | null {
  return voxels === 0 ? null : Math.min(1, (2 * inside) / (voxels + all));
}

/** Share of cases that an interval of the expected Dice is to hold. */
const INTERVAL_SHARE = 0.9;

/** Fewest cases from which such an interval exists: with fewer, even the largest error is not large enough. */
export const FEWEST_FOR_INTERVAL = Math.round(INTERVAL_SHARE / (1 - INTERVAL_SHARE));

/**
 * Half width h of the interval expected - h to expected + h that holds the true Dice of a new case with probability 0.9
 * or more, if that case is drawn like these: the ceil(0.9 (n + 1))-th smallest absolute error of n cases.
 * @param errors expected minus true Dice
 * @returns null below 9 cases
 * @see Lei et al., Distribution-Free Predictive Inference for Regression, JASA 113 (2018), split conformal prediction
 */
export function intervalHalfWidth(errors: readonly number[]): number | null {
  // the product is a whole number for n = 9, 19, ..., which rounding must not lift
  const rank = Math.ceil(INTERVAL_SHARE * (errors.length + 1) - 1e-9);
  if (errors.length < FEWEST_FOR_INTERVAL) return null;
  return errors.map(Math.abs).sort((left, right) => left - right)[rank - 1] ?? null;
}

/** Expected and true Dice of one class in one case. */
export interface ExpectedAndTrue {
  readonly expected: number;
  readonly dice: number;
  /** Half width of the model's interval; null where it has none. */
  readonly halfWidth: number | null;
}

/** How far the expected Dice can be believed. */
export interface DiceReliability {
  /** Number of cases with both. */
  readonly n: number;
  /** Rank correlation of expected and true Dice; null below 3 cases, or where either is the same in all. */
  readonly spearman: number | null;
  /** Mean of expected minus true; above 0 the model expects too much. Null without a case. */
  readonly meanError: number | null;
  readonly meanAbsoluteError: number | null;
  /** Share of the cases with an interval whose true Dice is in it; null without such a case. */
  readonly coverage: number | null;
  /** Number of cases with an interval. */
  readonly intervals: number;
}

/** Ranks from 1; equal values share the mean of theirs. */
function ranksOf(values: readonly number[]): readonly number[] {
  const order = values.map((_, index) => index).sort((left, right) => values[left]! - values[right]!);
  const ranks = new Array<number>(values.length);
  for (let start = 0; start < order.length; ) {
    let end = start + 1;
    while (end < order.length && values[order[end]!] === values[order[start]!]) end++;
    for (const index of order.slice(start, end)) ranks[index] = (start + 1 + end) / 2;
    start = end;
  }
  return ranks;
}

/**
 * Spearman's rank correlation: Pearson's of the ranks, ties with their mean rank, in [-1, 1].
 * @returns null below 3 pairs, or where one of both is constant
 */
export function spearman(a: readonly number[], b: readonly number[]): number | null {
  if (a.length < 3) return null;
  const [left, right] = [ranksOf(a), ranksOf(b)];
  const middle = (a.length + 1) / 2;
  const sum = (x: readonly number[], y: readonly number[]): number =>
    x.reduce((total, rank, index) => total + (rank - middle) * (y[index]! - middle), 0);
  const spread = Math.sqrt(sum(left, left) * sum(right, right));
  return spread === 0 ? null : sum(left, right) / spread;
}

/**
 * Expected and true Dice of a class in each case that has both: it is in the prediction, so something is expected.
 * @param halfWidth of the model's interval; null where it has none
 */
export function expectedAndTrue(
  cases: readonly CaseScore[],
  name: string,
  halfWidth: number | null,
): readonly ExpectedAndTrue[] {
  return cases.flatMap(({ classes }) => {
    const { expectedDice: expected = null, dice = null } = classes[name] ?? {};
    return expected === null || dice === null ? [] : [{ expected, dice, halfWidth }];
  });
}

/** Expected against true Dice over cases. */
export function diceReliability(cases: readonly ExpectedAndTrue[]): DiceReliability {
  const errors = cases.map(({ expected, dice }) => expected - dice);
  const held = cases.flatMap(({ expected, dice, halfWidth }) =>
    halfWidth === null ? [] : [Math.abs(expected - dice) <= halfWidth ? 1 : 0],
  );
  const meanOrNull = (values: readonly number[]): number | null => (values.length === 0 ? null : meanOf(values));
  return {
    n: cases.length,
    spearman: spearman(
      cases.map(({ expected }) => expected),
      cases.map(({ dice }) => dice),
    ),
    meanError: meanOrNull(errors),
    meanAbsoluteError: meanOrNull(errors.map(Math.abs)),
    coverage: meanOrNull(held),
    intervals: held.length,
  };
}
