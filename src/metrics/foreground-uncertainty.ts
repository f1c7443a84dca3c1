/**
 * How unsure a model is of a whole segmentation: one number by which the case is chosen that a person should look at
 * next (uncertainty sampling).
 * Source: the maximum predictive entropy of Gal, Islam and Ghahramani, Deep Bayesian Active Learning with Image Data
 * (arXiv:1703.02910), of one network, and over target areas alone as in Selective Uncertainty-based Active Learning for
 * Medical Image Segmentation (arXiv:2401.16298).
 */
import type { LabelArray } from '../volume/volume.ts';

/**
 * Mean predictive entropy of what was found: u = 1/|F| sum_{v in F} H(v), with F = { v : label(v) != 0 } and H the
 * entropy of a voxel, in [0, 1]. The mean over the foreground does not fall with the background that surrounds it, nor
 * grow with the size of a structure. Where nothing was found F is empty, and u is the largest entropy of any voxel: how
 * near the model was to finding something.
 * @param entropy of each voxel, in [0, 1]
 * @param labels of the same voxels; 0 is background
 * @returns in [0, 1]; 0 is certain
 */
export function foregroundUncertainty(entropy: Float32Array, labels: LabelArray): number {
  let [sum, found, largest] = [0, 0, 0];
  for (let voxel = 0; voxel < labels.length; voxel++) {
    const value = entropy[voxel]!;
    if (value > largest) largest = value;
    if (labels[voxel] === 0) continue;
    sum += value;
    found++;
  }
  return found === 0 ? largest : sum / found;
}

/** A case and how unsure a model is of it. */
export interface UncertainCase {
  readonly id: string;
  readonly uncertainty: number;
}

/** The cases with the most uncertain one first; equal ones by their ids, so that the order is always the same. */
export function byUncertainty<Item extends UncertainCase>(cases: readonly Item[]): readonly Item[] {
  return [...cases].sort((left, right) =>
    left.uncertainty === right.uncertainty ? (left.id < right.id ? -1 : 1) : right.uncertainty - left.uncertainty,
  );
}
