/**
 * From a model's outputs to classes. Arrays are [K, voxels], class outermost. Classes either exclude each other
 * (softmax; channel 0 is the background), or each channel is an independent foreground class (the background has no
 * channel). Of independent classes a voxel gets the most likely one (sigmoid) or, if classes are regions that contain
 * each other, the last one that covers it (regions).
 */
import { ShapeError } from '../core/errors.ts';

/** Function that turns a model's output into probabilities; `none` if the output already is probabilities. */
export type OutputActivation = 'softmax' | 'sigmoid' | 'none';

/**
 * Relation between the channels: exclusive (softmax), independent (sigmoid), or independent and overlapping (regions).
 */
export type ClassKind = 'softmax' | 'sigmoid' | 'regions';

/** A foreground class of a sigmoid model is present from this probability on. */
const PRESENT_FROM = 0.5;

/**
 * Applies the activation in place, over channels at each voxel: softmax exp(z_k) / sum_j exp(z_j), sigmoid 1 / (1 +
 * exp(-z)).
 * @param values [K, voxels]
 * @returns the sum of all probabilities, which is not finite if an input is NaN
 */
export function activate(values: Float32Array, classes: number, activation: OutputActivation): number {
  const voxels = values.length / classes;
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
      for (let v = 0; v < voxels; v++) {
        let largest = Number.NEGATIVE_INFINITY;
        for (let i = v; i < values.length; i += voxels) largest = Math.max(largest, values[i]!);
        let sum = 0;
        for (let i = v; i < values.length; i += voxels) {
          const exponential = Math.exp(values[i]! - largest);
          values[i] = exponential;
          sum += exponential;
        }
        for (let i = v; i < values.length; i += voxels) total += values[i]! /= sum;
      }
      return total;
    default:
      return activation satisfies never;
  }
}

/**
 * The class index of every voxel. Softmax: the most likely channel, the first of equals. Sigmoid: 0 if no channel
 * reaches 0.5, otherwise 1 + the most likely channel. Regions: 1 + the last channel that reaches 0.5, as nnU-Net writes
 * regions over each other.
 * @param probabilities [K, voxels]
 * @throws {ShapeError} if the length is not a multiple of the classes
 */
export function labelsFromProbabilities(probabilities: Float32Array, classes: number, kind: ClassKind): Uint8Array {
  const voxels = probabilities.length / classes;
  if (!Number.isInteger(voxels)) {
    throw new ShapeError(`${probabilities.length} probabilities do not divide into ${classes} classes`);
  }
  const labels = new Uint8Array(voxels);
  const best = new Float32Array(voxels);
  const firstLabel = kind === 'softmax' ? 0 : 1;
  for (let k = 0; k < classes; k++) {
    for (let i = 0; i < voxels; i++) {
      const probability = probabilities[k * voxels + i]!;
      const isFirst = k === 0 && kind === 'softmax';
      const isPresent = kind === 'softmax' || probability >= PRESENT_FROM;
      if (isFirst || (isPresent && (kind === 'regions' || probability > best[i]!))) {
        best[i] = probability;
        labels[i] = k + firstLabel;
      }
    }
  }
  return labels;
}
