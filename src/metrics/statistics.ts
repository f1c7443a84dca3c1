/** Statistics over cases: what an estimate is, Holm's correction, and means. Nothing here rounds or prints. */

/** Mean over cases with a 95 % confidence interval. */
export interface Estimate {
  /** NaN where there is no case. */
  readonly mean: number;
  /** NaN where there are too few cases for an interval. */
  readonly ci95: readonly [number, number];
  readonly n: number;
}

/**
 * Holm's step-down adjusted p-values, in the order given: sorted ascending, p_(i) times (m - i), made monotone, at most
 * 1.
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
