/**
 * From a model's outputs to classes. Arrays are [K, voxels], class outermost. Classes either exclude each other
 * (softmax; channel 0 is the background), or each channel is an independent foreground class (the background has no
 * channel). Of independent classes a voxel gets the most likely one (sigmoid) or, if classes are regions that contain
 * each other, the last one that covers it (regions).
 */
import { exponential } from '../core/elementary.ts';
import { ShapeError } from '../core/errors.ts';

/** Function that turns a model's output into probabilities; `none` if the output already is probabilities. */
export type OutputActivation = 'softmax' | 'sigmoid' | 'none';

/**
 * Relation between the channels: exclusive (softmax), independent (sigmoid), or independent and overlapping (regions).
 */
export type ClassKind = 'softmax' | 'sigmoid' | 'regions';

/** Voxels whose classes are gone through together, so that they stay in the processor's cache. */
const AT_ONCE = 2048;

/** Threshold of a class without one of its own: then the most likely class decides. */
export const PLAIN_THRESHOLD = 0.5;

/**
 * Applies the activation in place, over channels at each voxel: softmax exp(z_k) / sum_j exp(z_j), sigmoid 1 / (1 +
 * exp(-z)).
 * @param values [K, voxels]
 * @returns the sum of all probabilities, which is not finite if an input is NaN
 */
export function activate(values: Float32Array, classes: number, activation: OutputActivation): number {
  let total = 0;
  switch (activation) {
    case 'none':
      for (let i = 0; i < values.length; i++) total += values[i]!;
      return total;
    case 'sigmoid':
      for (let i = 0; i < values.length; i++) {
        values[i] = 1 / (1 + Math.exp(-values[i]!));
        total += values[i]!;
      }
      return total;
    case 'softmax':
      return softmax(values, classes);
    default:
      return activation satisfies never;
  }
}

/** Softmax of every voxel, in place. @returns the sum of all probabilities */
function softmax(values: Float32Array, classes: number): number {
  const { length } = values;
  const voxels = length / classes;
  const [largest, sums] = [new Float32Array(AT_ONCE), new Float64Array(AT_ONCE)];
  let total = 0;
  for (let first = 0; first < voxels; first += AT_ONCE) {
    const count = Math.min(AT_ONCE, voxels - first);
    largest.fill(Number.NEGATIVE_INFINITY);
    sums.fill(0);
    for (let from = first; from < length; from += voxels) {
      for (let i = 0; i < count; i++) if (values[from + i]! > largest[i]!) largest[i] = values[from + i]!;
    }
    for (let from = first; from < length; from += voxels) {
      for (let i = 0; i < count; i++) {
        const value = exponential(values[from + i]! - largest[i]!);
        values[from + i] = value;
        sums[i]! += value;
      }
    }
    for (let from = first; from < length; from += voxels) {
      for (let i = 0; i < count; i++) total += values[from + i]! /= sums[i]!;
    }
  }
  return total;
}

/** A threshold per channel, in (0, 1). */
export type Thresholds = readonly number[] | undefined;

/**
 * The class index of every voxel. Softmax: the most likely channel, the first of equals. Sigmoid: 0 if no channel
 * reaches 0.5, otherwise 1 + the most likely channel. Regions: 1 + the last channel that reaches 0.5, as nnU-Net writes
 * regions over each other.
 *
 * With a threshold t of a class, its probability counts (1 - t) / t times, and for independent classes t is in place of
 * 0.5: beside the background alone, a class wins from the share t of both on. A threshold of 0.5 changes nothing.
 * @param probabilities [K, voxels]
 * @param thresholds one per channel, in (0, 1), that of a background being 0.5; the most likely class if not given
 * @throws {ShapeError} if the length is not a multiple of the classes
 */
export function labelsFromProbabilities(
  probabilities: Float32Array,
  {
    classes,
    kind,
    thresholds,
  }: { readonly classes: number; readonly kind: ClassKind; readonly thresholds?: Thresholds },
): Uint8Array {
  const voxels = probabilities.length / classes;
  if (!Number.isInteger(voxels)) {
    throw new ShapeError(`${probabilities.length} probabilities do not divide into ${classes} classes`);
  }
  const labels = new Uint8Array(voxels);
  const best = new Float64Array(voxels);
  const firstLabel = kind === 'softmax' ? 0 : 1;
  for (let k = 0; k < classes; k++) {
    const threshold = thresholds?.[k] ?? PLAIN_THRESHOLD;
    // exactly 1 for 0.5, so that nothing is rounded
    const odds = (1 - threshold) / threshold;
    const from = k * voxels;
    const label = k + firstLabel;
    // the first of exclusive classes is there whatever its probability
    if (kind === 'softmax' && k === 0) {
      for (let i = 0; i < voxels; i++) best[i] = probabilities[i]! * odds;
      continue;
    }
    const least = kind === 'softmax' ? Number.NEGATIVE_INFINITY : threshold;
    const overwrites = kind === 'regions';
    for (let i = 0; i < voxels; i++) {
      const probability = probabilities[from + i]!;
      const score = probability * odds;
      if (probability >= least && (overwrites || score > best[i]!)) {
        best[i] = score;
        labels[i] = label;
      }
    }
  }
  return labels;
}
