/**
 * Whether probabilities mean what they say: voxels are sorted into bins of equal width by the probability that a model
 * gave a class, and in each bin the mean probability stands beside the share of voxels that have the class in the
 * reference. Counting is additive, so it works slice by slice and case by case. All voxels count, background included.
 * Source: Guo et al., On Calibration of Modern Neural Networks (ICML 2017), one class against the rest as in Kull et
 * al. (NeurIPS 2019).
 */
import type { LabelArray } from '../volume/volume.ts';

/** Bins between probability 0 and 1; each holds its lower end, the last one both. */
export const CALIBRATION_BINS = 15;

/** What was counted of one class; one element per bin. */
export interface ReliabilityCounts {
  readonly voxels: Float64Array;
  /** Sum of the probabilities. */
  readonly probability: Float64Array;
  /** Voxels that have the class in the reference. */
  readonly hits: Float64Array;
}

/** One point of a reliability diagram; null where the bin has no voxel. */
export interface ReliabilityBin {
  readonly voxels: number;
  /** Mean probability. */
  readonly probability: number | null;
  /** Share of the voxels that have the class in the reference. */
  readonly frequency: number | null;
}

/** Nothing counted yet. */
export function emptyCounts(): ReliabilityCounts {
  const zeros = (): Float64Array => new Float64Array(CALIBRATION_BINS);
  return { voxels: zeros(), probability: zeros(), hits: zeros() };
}

/** What the probabilities of a class are held against. */
interface ReliabilityReference {
  /** Label values of the same voxels. */
  readonly reference: LabelArray;
  /** The label value of the class. */
  readonly value: number;
  /** 0 for voxels that do not count; all count if not given. */
  readonly counted?: Uint8Array | undefined;
}

/**
 * Counts voxels of one class.
 * @param counts changed
 * @param probabilities of the class, one per voxel
 */
export function countReliability(
  counts: ReliabilityCounts,
  probabilities: Float32Array,
  { reference, value, counted }: ReliabilityReference,
): void {
  const { voxels, probability, hits } = counts;
  for (let i = 0; i < probabilities.length; i++) {
    if (counted?.[i] === 0) continue;
    const p = probabilities[i]!;
    const bin = Math.min(CALIBRATION_BINS - 1, Math.floor(p * CALIBRATION_BINS));
    voxels[bin]!++;
    probability[bin]! += p;
    if (reference[i] === value) hits[bin]!++;
  }
}

/** Adds what was counted elsewhere; changes `counts`. */
export function addCounts(counts: ReliabilityCounts, more: ReliabilityCounts): void {
  for (const part of ['voxels', 'probability', 'hits'] as const) {
    for (let bin = 0; bin < CALIBRATION_BINS; bin++) counts[part][bin]! += more[part][bin]!;
  }
}

/**
 * Expected calibration error: sum over bins of (voxels of the bin / all voxels) * |mean probability - frequency|, in
 * [0, 1].
 * @returns NaN where nothing was counted
 */
export function expectedCalibrationError({ voxels, probability, hits }: ReliabilityCounts): number {
  const total = voxels.reduce((sum, count) => sum + count, 0);
  // per bin the count cancels out
  return probability.reduce((sum, value, bin) => sum + Math.abs(value - hits[bin]!), 0) / total;
}

/** The points of a reliability diagram, lowest probability first. */
export function reliabilityBins({ voxels, probability, hits }: ReliabilityCounts): readonly ReliabilityBin[] {
  return Array.from(voxels, (count, bin) =>
    count === 0
      ? { voxels: 0, probability: null, frequency: null }
      : { voxels: count, probability: probability[bin]! / count, frequency: hits[bin]! / count },
  );
}
