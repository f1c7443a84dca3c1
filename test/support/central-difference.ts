/** Central differences of a scalar of a graph in float64: the oracle of every derivative. */
import type { Value } from '../../src/graph/graph.ts';
import { evaluate } from './evaluate.ts';

/**
 * (loss(x + h) - loss(x - h)) / 2h for every entry of one feed.
 * @param h 1e-6: small against the distance to a kink, large against float64's rounding
 */
export function centralDifference(
  loss: Value,
  feeds: Readonly<Record<string, Float64Array>>,
  name: string,
  h = 1e-6,
): Float64Array {
  const at = (index: number, value: number): number =>
    evaluate({ loss }, { ...feeds, [name]: feeds[name]!.with(index, value) })['loss']![0]!;
  return feeds[name]!.map((value, index) => (at(index, value + h) - at(index, value - h)) / (2 * h));
}

/** Largest difference, relative to the largest expected entry; an expectation of zeros counts as one of 1. */
export function relativeError(actual: ArrayLike<number>, expected: ArrayLike<number>): number {
  if (actual.length !== expected.length) return Number.POSITIVE_INFINITY;
  let [difference, size] = [0, 0];
  for (let index = 0; index < expected.length; index++) {
    difference = Math.max(difference, Math.abs(actual[index]! - expected[index]!));
    size = Math.max(size, Math.abs(expected[index]!));
    if (!Number.isFinite(actual[index]!)) return Number.POSITIVE_INFINITY;
  }
  return difference / (size === 0 ? 1 : size);
}
