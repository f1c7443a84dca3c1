/**
 * Intensities of a volume, brought to a common range, per volume and channel. Only finite voxels count. The method is what a model
 * remembers; the numbers of a volume are computed anew for each volume. Layout: channels one after the other.
 * A constant channel, an outlier and a NaN are the three ways in which plain min-max breaks; each is dealt with and reported.
 */

/**
 * min-max: (v - min) / (max - min). percentile: the same after clipping to the 0.5th and 99.5th percentile. z-score: (v - mean) / std,
 * population standard deviation. none: as it is.
 */
export type Normalization = 'min-max' | 'percentile' | 'z-score' | 'none';

/** Something a person should know about a volume; the work goes on. */
export interface NormalizationWarning {
  readonly code: 'W_IMAGE_CONSTANT' | 'W_IMAGE_NOT_FINITE';
  /** Names the case and the channel. */
  readonly message: string;
}

export interface NormalizedImage {
  readonly data: Float32Array;
  readonly warnings: readonly NormalizationWarning[];
}

/** What is normalised. */
export interface ImageToNormalize {
  /** For messages. */
  readonly id: string;
  /** channels * voxels values. */
  readonly data: Float32Array;
  readonly channels: number;
}

const LOW_PERCENTILE = 0.5;
const HIGH_PERCENTILE = 99.5;

/** result = (clip(v, low, high) - offset) * factor */
interface Transfer {
  readonly low: number;
  readonly high: number;
  readonly offset: number;
  readonly factor: number;
}

function finiteValues(values: Float32Array): Float32Array {
  let count = 0;
  for (let i = 0; i < values.length; i++) if (Number.isFinite(values[i]!)) count++;
  if (count === values.length) return values;
  const finite = new Float32Array(count);
  let next = 0;
  for (let i = 0; i < values.length; i++) if (Number.isFinite(values[i]!)) finite[next++] = values[i]!;
  return finite;
}

function extent(values: Float32Array): { readonly min: number; readonly max: number } {
  let min = Number.POSITIVE_INFINITY;
  let max = Number.NEGATIVE_INFINITY;
  for (let i = 0; i < values.length; i++) {
    const value = values[i]!;
    if (value < min) min = value;
    if (value > max) max = value;
  }
  return { min, max };
}

/** Moves the k-th smallest value to index k, smaller ones before it (Hoare's selection); changes the array. */
function select(values: Float32Array, k: number): number {
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

/** Percentile with linear interpolation between ranks, as numpy.percentile; changes the order of the array. */
function percentile(values: Float32Array, percent: number): number {
  const rank = (percent / 100) * (values.length - 1);
  const lower = Math.floor(rank);
  const low = select(values, lower);
  if (lower === rank) return low;
  const { min: next } = extent(values.subarray(lower + 1));
  return low + (rank - lower) * (next - low);
}

function moments(values: Float32Array): { readonly mean: number; readonly deviation: number } {
  let sum = 0;
  for (let i = 0; i < values.length; i++) sum += values[i]!;
  const mean = sum / values.length;
  let squares = 0;
  for (let i = 0; i < values.length; i++) squares += (values[i]! - mean) ** 2;
  return { mean, deviation: Math.sqrt(squares / values.length) };
}

function rangeTransfer(low: number, high: number): Transfer {
  return { low, high, offset: low, factor: 1 / (high - low) };
}

function transferOf(finite: Float32Array, method: Normalization): Transfer {
  const { min, max } = extent(finite);
  switch (method) {
    case 'min-max':
      return rangeTransfer(min, max);
    case 'percentile': {
      const scratch = finite.slice();
      const low = percentile(scratch, LOW_PERCENTILE);
      const high = percentile(scratch, HIGH_PERCENTILE);
      // Nearly all voxels alike (a mask, a mostly empty volume): clipping would leave nothing.
      return high > low ? rangeTransfer(low, high) : rangeTransfer(min, max);
    }
    case 'z-score': {
      const { mean, deviation } = moments(finite);
      return { low: min, high: max, offset: mean, factor: 1 / deviation };
    }
    case 'none':
      return { low: min, high: max, offset: 0, factor: 1 };
    default:
      return method satisfies never;
  }
}

function normalizeChannel(values: Float32Array, result: Float32Array, method: Normalization) {
  const finite = finiteValues(values);
  const { min, max } = extent(finite);
  const constant = finite.length > 0 && min === max;
  if (finite.length > 0 && (!constant || method === 'none')) {
    const { low, high, offset, factor } = transferOf(finite, method);
    for (let i = 0; i < values.length; i++) {
      const value = values[i]!;
      const clipped = value >= low ? (value <= high ? value : Number.isFinite(value) ? high : low) : low;
      result[i] = (clipped - offset) * factor;
    }
  }
  return { notFinite: values.length - finite.length, constant };
}

/**
 * Normalises a volume, each channel by itself. Voxels that are not finite become the smallest value and are reported
 * (W_IMAGE_NOT_FINITE); a constant channel becomes 0 and is reported (W_IMAGE_CONSTANT), except with `none`, which keeps it.
 * @returns new data, same layout; the input is not changed
 */
export function normalize({ id, data, channels }: ImageToNormalize, method: Normalization): NormalizedImage {
  const result = new Float32Array(data.length);
  const warnings: NormalizationWarning[] = [];
  const voxels = data.length / channels;
  for (let channel = 0; channel < channels; channel++) {
    const [start, end] = [channel * voxels, (channel + 1) * voxels];
    const { notFinite, constant } = normalizeChannel(data.subarray(start, end), result.subarray(start, end), method);
    const where = channels === 1 ? `case "${id}"` : `case "${id}", channel ${channel}`;
    if (notFinite > 0) {
      warnings.push({
        code: 'W_IMAGE_NOT_FINITE',
        message: `${where}: ${notFinite} of ${voxels} voxels are NaN or infinite and take the smallest value.`,
      });
    }
    if (constant) {
      const outcome = method === 'none' ? 'kept as it is' : 'set to 0';
      warnings.push({ code: 'W_IMAGE_CONSTANT', message: `${where}: all voxels have the same value; ${outcome}.` });
    }
  }
  return { data: result, warnings };
}
