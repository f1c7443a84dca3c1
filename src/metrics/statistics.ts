/**
 * Statistics over cases: bootstrap confidence intervals, the Wilcoxon signed-rank test and Holm's correction.
 * Cases are the independent unit (patients), never voxels, and never the seeds of one case. Nothing here rounds or prints.
 */
import { ShapeError } from '../core/errors.ts';
import { percentile } from '../core/percentile.ts';
import { random } from '../core/random.ts';

/** Mean over cases with a 95 % bootstrap confidence interval. */
export interface Estimate {
  /** NaN where there is no case. */
  readonly mean: number;
  readonly ci95: readonly [number, number];
  readonly n: number;
}

export interface BootstrapOptions {
  /** Key of the resampling stream; the same seed gives the same interval. 0 if not given. */
  readonly seed?: number;
  /** Number of resamples; 2,000 if not given. */
  readonly resamples?: number;
}

/**
 * Mean and its percentile-bootstrap 95 % interval: the 2.5th and 97.5th percentiles (linear interpolation) of the means of resamples
 * drawn with replacement. Without a case all three are NaN; with one case the interval is the value itself.
 * @see Efron and Tibshirani, An Introduction to the Bootstrap (1993), chapter 13
 */
export function bootstrapMean(values: readonly number[], options: BootstrapOptions = {}): Estimate {
  const { seed = 0, resamples = 2000 } = options;
  const n = values.length;
  if (n === 0) return { mean: Number.NaN, ci95: [Number.NaN, Number.NaN], n };
  const source = random(seed, 'bootstrap');
  const means = new Float64Array(resamples);
  for (let resample = 0; resample < resamples; resample++) {
    let sum = 0;
    for (let draw = 0; draw < n; draw++) sum += values[source.integer(n)]!;
    means[resample] = sum / n;
  }
  return { mean: meanOf(values), ci95: [percentile(means, 2.5), percentile(means, 97.5)], n };
}

/** Result of {@link wilcoxonSignedRank}. */
export interface SignedRankTest {
  /** Two-sided, in [0, 1]. */
  readonly pValue: number;
  /** The smaller of the rank sums of positive and of negative differences. */
  readonly statistic: number;
  /** Pairs that differ; pairs without a difference are dropped. */
  readonly n: number;
  readonly method: 'exact' | 'normal';
}

/** Largest number of pairs for the exact distribution, as in SciPy. */
const EXACT_LIMIT = 50;

/**
 * Two-sided Wilcoxon signed-rank test of paired values. Zero differences are dropped (Wilcoxon's own method). Up to 50 pairs without
 * zeros or ties the null distribution is exact; otherwise it is normal with tie and continuity correction, which is
 * `scipy.stats.wilcoxon(a, b, correction=True)`. Without any difference p = 1.
 * @throws {ShapeError} if the lists differ in length
 * @see Wilcoxon, Individual Comparisons by Ranking Methods, Biometrics Bulletin 1 (1945)
 */
export function wilcoxonSignedRank(a: readonly number[], b: readonly number[]): SignedRankTest {
  const differences = pairedDifferences(a, b);
  const nonZero = differences.filter(difference => difference !== 0);
  const n = nonZero.length;
  if (n === 0) return { pValue: 1, statistic: 0, n, method: 'exact' };
  const { positive, negative, tieTerm } = rankSums(nonZero);
  const statistic = Math.min(positive, negative);
  if (n <= EXACT_LIMIT && n === differences.length && tieTerm === 0) {
    return { pValue: exactPValue(statistic, n), statistic, n, method: 'exact' };
  }
  const expected = (n * (n + 1)) / 4;
  const deviation = Math.sqrt((n * (n + 1) * (2 * n + 1)) / 24 - tieTerm / 48);
  const distance = Math.max(0, expected - statistic - 0.5);
  return { pValue: Math.min(1, 2 * normalUpperTail(distance / deviation)), statistic, n, method: 'normal' };
}

/**
 * Holm's step-down adjusted p-values, in the order given: sorted ascending, p_(i) times (m - i), made monotone, at most 1.
 * @see Holm, A Simple Sequentially Rejective Multiple Test Procedure, Scandinavian Journal of Statistics 6 (1979)
 */
export function holm(pValues: readonly number[]): number[] {
  const order = pValues.map((_, index) => index).sort((left, right) => pValues[left]! - pValues[right]!);
  const adjusted = new Array<number>(pValues.length).fill(1);
  let largest = 0;
  order.forEach((index, rank) => {
    largest = Math.min(1, Math.max(largest, pValues[index]! * (pValues.length - rank)));
    adjusted[index] = largest;
  });
  return adjusted;
}

/** Arithmetic mean; NaN of nothing. */
export function meanOf(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

function pairedDifferences(a: readonly number[], b: readonly number[]): number[] {
  if (a.length !== b.length) {
    throw new ShapeError(`paired values need the same cases on both sides, got ${a.length} and ${b.length}`);
  }
  return a.map((value, index) => value - b[index]!);
}

/** Sums of the (mid)ranks of |difference| by sign, and sum over groups of equal |difference| of t^3 - t. */
function rankSums(nonZero: readonly number[]): { positive: number; negative: number; tieTerm: number } {
  const sorted = [...nonZero].sort((left, right) => Math.abs(left) - Math.abs(right));
  let positive = 0;
  let negative = 0;
  let tieTerm = 0;
  for (let first = 0, next = 0; first < sorted.length; first = next) {
    const size = Math.abs(sorted[first]!);
    while (next < sorted.length && Math.abs(sorted[next]!) === size) next++;
    const ties = next - first;
    const rank = (first + 1 + next) / 2;
    tieTerm += ties ** 3 - ties;
    for (let index = first; index < next; index++) {
      if (sorted[index]! > 0) positive += rank;
      else negative += rank;
    }
  }
  return { positive, negative, tieTerm };
}

/** 2 P(W <= statistic): the share of the 2^n sign patterns whose rank sum is no larger, counted by dynamic programming over ranks. */
function exactPValue(statistic: number, n: number): number {
  const largest = (n * (n + 1)) / 2;
  const probability = new Float64Array(largest + 1);
  probability[0] = 1;
  for (let rank = 1; rank <= n; rank++) {
    for (let sum = largest; sum >= 0; sum--) {
      probability[sum] = (probability[sum]! + (sum >= rank ? probability[sum - rank]! : 0)) / 2;
    }
  }
  let cumulative = 0;
  for (let sum = 0; sum <= statistic; sum++) cumulative += probability[sum]!;
  return Math.min(1, 2 * cumulative);
}

/**
 * P(Z > z) of the standard normal for z >= 0: the series of Marsaglia (Evaluating the Normal Distribution, J. Stat. Software 11,
 * 2004) near 0, and Laplace's continued fraction in the tail, where the series would cancel.
 */
function normalUpperTail(z: number): number {
  const density = Math.exp((-z * z) / 2) / Math.sqrt(2 * Math.PI);
  if (z < 3) {
    let sum = z;
    let term = z;
    for (let k = 3; term > sum * 1e-17; k += 2) {
      term *= (z * z) / k;
      sum += term;
    }
    return 0.5 - density * sum;
  }
  let fraction = z;
  for (let k = 100; k >= 1; k--) fraction = z + k / fraction;
  return density / fraction;
}
