/**
 * How nnU-Net v2 prepares a volume for a network, and what it does with what the network says. A model that was trained
 * so is used so, step by step: crop to what is not zero, normalise, resample, slide the window, blend logits, resample
 * them, decide, paste into the volume. The order of these steps and their arithmetic differ from the program's own
 * (sliding-window.ts, volume/resample.ts).
 * Source: Isensee et al., Nature Methods 18, 2021, and nnunetv2 2.8.1.
 */
import type { IntensityStatistics } from '../../data/normalize.ts';

/**
 * How a channel is normalised, over the voxels of the crop. z-score: (v - mean) / std. z-score-inside: the same of the
 * voxels inside of the body (not zero, holes filled), others stay as they are. min-max: (v - min) / (max - min). ct:
 * (clip(v, low, high) - mean) / deviation.
 */
export type NnunetNormalization =
  | 'z-score'
  | 'z-score-inside'
  | 'min-max'
  | 'none'
  | { readonly ct: IntensityStatistics };

/** How values get to another grid. */
export interface NnunetResampling {
  /** Order of the spline: 1 linear, 3 cubic. */
  readonly order: 1 | 3;
  /** Along the thick axis where that is taken apart: 0 nearest, 1 linear. */
  readonly orderAcross: 0 | 1;
  /** Whether the thickest axis is taken apart; null: where a voxel is over three times as thick as it is wide. */
  readonly separate: boolean | null;
}

/** What nnU-Net's plan says of a network's use. */
export interface NnunetPipeline {
  /**
   * Spacing of the network's grid, x y z, mm; null along the axis across the planes of a 2D network, which does not
   * change.
   */
  readonly spacingMm: readonly [number | null, number | null, number | null];
  /** One per channel. */
  readonly normalize: readonly NnunetNormalization[];
  readonly image: NnunetResampling;
  readonly logits: NnunetResampling;
}
