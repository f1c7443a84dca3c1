/**
 * Statistics over cases: means with bootstrap confidence intervals, and Holm's correction.
 * Cases are the independent unit (patients), never voxels, and never the seeds of one case. Nothing here rounds or prints.
 */
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
