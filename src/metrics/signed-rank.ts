/**
 * The Wilcoxon signed-rank test of paired values. Cases are the independent unit (patients), never voxels, and never
 * the seeds of one case.
 */
import { ShapeError } from '../core/errors.ts';
import { normalUpperTail } from './normal.ts';

/** Result of {@link wilcoxonSignedRank}. */
export interface SignedRankTest {
  /** Two-sided p-value, in [0, 1]. */
  readonly pValue: number;
  /** The smaller of the rank sums of positive and of negative differences. */
  readonly statistic: number;
  /** Number of pairs that differ; pairs without a difference are dropped. */
  readonly n: number;
  readonly method: 'exact' | 'normal';
}

/** Most pairs for the exact distribution of plain ranks, as in SciPy. */
const EXACT_LIMIT = 50;
/**
 * Most pairs, those without a difference among them, for the exact distribution where ranks are shared or differences
 * are zero.
 */
const EXACT_LIMIT_WITH_TIES = 25;

/**
 * Two-sided Wilcoxon signed-rank test of paired values. Zero differences are dropped (Wilcoxon's own method). The null
 * distribution is counted exactly for up to 50 pairs, and for up to 25 where there are ties or zeros; otherwise it is
 * normal with tie correction. That is `scipy.stats.wilcoxon(a, b)` with its `method='auto'`, but for 14 to 25 pairs
 * with ties or zeros, which SciPy approximates. Without any difference p = 1.
 * @throws {ShapeError} if the lists differ in length
 * @see Wilcoxon, Individual Comparisons by Ranking Methods, Biometrics Bulletin 1 (1945)
 */
export function wilcoxonSignedRank(a: readonly number[], b: readonly number[]): SignedRankTest {
  const differences = pairedDifferences(a, b);
  const nonZero = differences.filter(difference => difference !== 0);
  const n = nonZero.length;
  if (n === 0) return { pValue: 1, statistic: 0, n, method: 'exact' };
  const { doubledRanks, positive, negative, tieTerm } = rankSums(nonZero);
  const statistic = Math.min(positive, negative);
  const isPlain = n === differences.length && tieTerm === 0;
  if (differences.length <= (isPlain ? EXACT_LIMIT : EXACT_LIMIT_WITH_TIES)) {
    return { pValue: exactPValue(2 * statistic, doubledRanks), statistic, n, method: 'exact' };
  }
  const expected = (n * (n + 1)) / 4;
  const deviation = Math.sqrt((n * (n + 1) * (2 * n + 1)) / 24 - tieTerm / 48);
  const distance = expected - statistic;
  return { pValue: Math.min(1, 2 * normalUpperTail(distance / deviation)), statistic, n, method: 'normal' };
}

/**
 * The smallest p that the two-sided test can give: that of differences which all have the same sign, 2 of the 2^n sign
 * patterns.
 * @param n pairs that differ
 */
export function smallestSignedRankP(n: number): number {
  return Math.min(1, 2 ** (1 - n));
}

function pairedDifferences(a: readonly number[], b: readonly number[]): number[] {
  if (a.length !== b.length) {
    throw new ShapeError(`paired values need the same cases on both sides, got ${a.length} and ${b.length}`);
  }
  return a.map((value, index) => value - b[index]!);
}

interface RankSums {
  /** Twice the (mid)rank of every |difference|, which is a whole number, ascending. */
  readonly doubledRanks: readonly number[];
  readonly positive: number;
  readonly negative: number;
  /** Sum over groups of equal |difference| of t^3 - t. */
  readonly tieTerm: number;
}

function rankSums(nonZero: readonly number[]): RankSums {
  const sorted = [...nonZero].sort((left, right) => Math.abs(left) - Math.abs(right));
  const doubledRanks: number[] = [];
  let positive = 0;
  let negative = 0;
  let tieTerm = 0;
  for (let first = 0, next = 0; first < sorted.length; first = next) {
    const size = Math.abs(sorted[first]!);
    while (next < sorted.length && Math.abs(sorted[next]!) === size) next++;
    const ties = next - first;
    const doubled = first + 1 + next;
    tieTerm += ties ** 3 - ties;
    for (let index = first; index < next; index++) {
      doubledRanks.push(doubled);
      if (sorted[index]! > 0) positive += doubled / 2;
      else negative += doubled / 2;
    }
  }
  return { doubledRanks, positive, negative, tieTerm };
}

/**
 * 2 P(W <= statistic): the share of the 2^n sign patterns whose rank sum is no larger, counted by dynamic programming
 * over the ranks.
 */
function exactPValue(doubledStatistic: number, doubledRanks: readonly number[]): number {
  const largest = doubledRanks.reduce((sum, rank) => sum + rank, 0);
  const probability = new Float64Array(largest + 1);
  probability[0] = 1;
  for (const rank of doubledRanks) {
    for (let sum = largest; sum >= 0; sum--) {
      probability[sum] = (probability[sum]! + (sum >= rank ? probability[sum - rank]! : 0)) / 2;
    }
  }
  let cumulative = 0;
  for (let sum = 0; sum <= doubledStatistic; sum++) cumulative += probability[sum]!;
  return Math.min(1, 2 * cumulative);
}
