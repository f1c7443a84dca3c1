/** Percentiles of many values without sorting them. There is one definition: linear interpolation between ranks. */

/** Moves the k-th smallest value to index k, smaller ones before it (Hoare's selection); changes the array. */
function select(values: Float32Array | Float64Array, k: number): number {
  let left = 0;
  let right = values.length - 1;
  while (left < right) {
    const pivot = values[(left + right) >> 1]!;
    let i = left;
    let j = right;
    while (i <= j) {
      while (values[i]! < pivot) i++;
      while (values[j]! > pivot) j--;
      if (i <= j) {
        const swap = values[i]!;
        values[i++] = values[j]!;
        values[j--] = swap;
      }
    }
    if (k <= j) right = j;
    else if (k >= i) left = i;
    else break;
  }
  return values[k]!;
}

/**
 * Percentile with linear interpolation between ranks, as numpy.percentile; changes the order of the array.
 * @param values finite, at least one
 * @param percent 0 to 100
 */
export function percentile(values: Float32Array | Float64Array, percent: number): number {
  const rank = (percent / 100) * (values.length - 1);
  const lower = Math.floor(rank);
  const low = select(values, lower);
  if (lower === rank) return low;
  let next = Number.POSITIVE_INFINITY;
  for (let i = lower + 1; i < values.length; i++) if (values[i]! < next) next = values[i]!;
  return low + (rank - lower) * (next - low);
}

/**
 * Percentile of a list, which stays as it is; see {@link percentile}.
 * @param values finite, at least one
 * @param percent 0 to 100
 */
export function percentileOf(values: readonly number[], percent: number): number {
  return percentile(Float64Array.from(values), percent);
}

/** Median of a list: the mean of the two values in the middle where their number is even. */
export function medianOf(values: readonly number[]): number {
  return percentileOf(values, 50);
}
