/**
 * Resampling between grids that cover the same box: to a target spacing, and back to the grid of an input. Voxel
 * centres correspond as (i + 0.5) * in / out - 0.5 (align_corners = false), positions beyond the outer centres take the
 * border voxel. Images are interpolated along each axis in turn, linearly or by cubic B-splines (spline.ts); labels
 * take the nearest voxel, or the label with the largest share by linear interpolation. No smoothing precedes a
 * reduction. Voxel order is x, y, z, channel.
 */

import { AXES, type Axis, mapAxes } from '../core/axes.ts';
import { InputError } from '../core/errors.ts';
import { channelExtents } from '../core/extent.ts';
import { largestShares } from './largest-shares.ts';
import { interpolateAxis } from './linear.ts';
import { axisApart, resampleApart } from './resample-apart.ts';
import { interpolateAxisCubic } from './spline.ts';
import {
  createLabelsLike,
  type Grid,
  type LabelArray,
  type LabelVolume,
  type Volume,
  voxelCount,
  type Xyz,
} from './volume.ts';

/** Interpolation of images; nnunet: as in nnU-Net, with a thick axis treated separately (resample-apart.ts). */
export type ImageInterpolation = 'linear' | 'cubic' | 'nnunet';
/** Interpolation of labels; linear interpolates the fraction of each label. */
export type LabelInterpolation = 'nearest' | 'linear';

/** Largest difference of equal spacings, mm. */
const SPACING_TOLERANCE_MM = 1e-3;

function sameSize(left: Xyz, right: Xyz): boolean {
  return left.every((size, axis) => size === right[axis]);
}

/** Size of a grid at another spacing, rounded to whole voxels, at least one per axis. */
export function sizeAtSpacing({ sizeVoxels, spacingMm }: Grid, targetMm: Xyz): Xyz {
  if (!targetMm.every(spacing => Number.isFinite(spacing) && spacing > 0)) {
    throw new InputError(
      'E_SPACING',
      `cannot resample to a spacing of ${targetMm.join(' x ')} mm; each must be positive.`,
    );
  }
  if (spacingMm.every((spacing, axis) => Math.abs(spacing - (targetMm[axis] ?? 0)) <= SPACING_TOLERANCE_MM)) {
    return sizeVoxels;
  }
  return mapAxes(axis => Math.max(1, Math.round((sizeVoxels[axis] * spacingMm[axis]) / targetMm[axis])));
}

/** The grid of another size over the same box: first voxel index (j + 0.5) * ratio - 0.5 along each axis. */
function regrid({ sizeVoxels: from, spacingMm, affine }: Grid, sizeVoxels: Xyz): Grid {
  const ratio = mapAxes(axis => from[axis] / sizeVoxels[axis]);
  const moved = [...affine];
  for (let row = 0; row < 3; row++) {
    const at = (column: Axis): number => affine[row * 4 + column] ?? 0;
    for (const column of AXES) {
      moved[row * 4 + column] = at(column) * ratio[column];
      moved[row * 4 + 3] = (moved[row * 4 + 3] ?? 0) + at(column) * (0.5 * ratio[column] - 0.5);
    }
  }
  return { sizeVoxels, spacingMm: mapAxes(axis => spacingMm[axis] * ratio[axis]), affine: moved };
}

/** Cuts each channel to the range of the same channel of another array, as a spline may leave it. */
function clipToRange(data: Float32Array, original: Float32Array, channels: number): void {
  const ranges = channelExtents(original, channels);
  const length = data.length / channels;
  for (let channel = 0; channel < channels; channel++) {
    const { min: low, max: high } = ranges[channel]!;
    for (let i = channel * length; i < (channel + 1) * length; i++) {
      const value = data[i]!;
      if (value < low) data[i] = low;
      else if (value > high) data[i] = high;
    }
  }
}

/**
 * Resamples an image to a number of voxels, over the same box. Cubic values are cut to the range of their channel.
 * @returns the volume itself if it already has this size
 */
export function resampleToSize(
  volume: Volume,
  sizeVoxels: Xyz,
  interpolation: Exclude<ImageInterpolation, 'nnunet'>,
): Volume {
  if (sameSize(volume.sizeVoxels, sizeVoxels)) return volume;
  const [width, height, depth] = volume.sizeVoxels;
  const [newWidth, newHeight, newDepth] = sizeVoxels;
  const { channels } = volume;
  const along = interpolation === 'cubic' ? interpolateAxisCubic : interpolateAxis;
  let { data } = volume;
  if (newWidth !== width) {
    data = along(data, { outer: height * depth * channels, length: width, inner: 1 }, newWidth);
  }
  if (newHeight !== height) {
    data = along(data, { outer: depth * channels, length: height, inner: newWidth }, newHeight);
  }
  if (newDepth !== depth) {
    data = along(data, { outer: channels, length: depth, inner: newWidth * newHeight }, newDepth);
  }
  if (interpolation === 'cubic') clipToRange(data, volume.data, channels);
  return { ...regrid(volume, sizeVoxels), data, channels };
}

function resampleAsNnunet(volume: Volume, targetMm: Xyz): Volume {
  const sizeVoxels = sizeAtSpacing(volume, targetMm);
  if (sameSize(volume.sizeVoxels, sizeVoxels)) return volume;
  const apart = axisApart(volume.spacingMm, targetMm, null);
  const data = resampleApart(volume.data, volume.sizeVoxels, sizeVoxels, { order: 3, orderAcross: 0, apart });
  return { ...regrid(volume, sizeVoxels), data, channels: volume.channels };
}

/** Each new voxel takes the nearest old one. */
function nearestLabels(labels: LabelVolume, sizeVoxels: Xyz): LabelArray {
  const [columns, rows, slices] = mapAxes(axis => {
    const [from, to] = [labels.sizeVoxels[axis], sizeVoxels[axis]];
    return Int32Array.from({ length: to }, (_, j) => Math.min(from - 1, Math.floor(((j + 0.5) * from) / to)));
  });
  const [width, height] = labels.sizeVoxels;
  const data = createLabelsLike(labels.data, voxelCount(sizeVoxels));
  let to = 0;
  for (const slice of slices) {
    for (const row of rows) {
      const from = (slice * height + row) * width;
      for (const column of columns) data[to++] = labels.data[from + column]!;
    }
  }
  return data;
}

/**
 * Resamples labels to a number of voxels over the same box.
 * @returns the labels themselves if they already have this size
 */
export function resampleLabelsToSize(
  labels: LabelVolume,
  sizeVoxels: Xyz,
  interpolation: LabelInterpolation,
): LabelVolume {
  if (sameSize(labels.sizeVoxels, sizeVoxels)) return labels;
  const data = interpolation === 'linear' ? largestShares(labels, sizeVoxels) : nearestLabels(labels, sizeVoxels);
  return { ...labels, ...regrid(labels, sizeVoxels), data };
}

/**
 * Resamples an image to a voxel spacing. The size is rounded to whole voxels over the same box, so the resulting
 * spacing can differ from the target by up to half a voxel over the whole length; the result states its own.
 * @returns the volume itself if it already has this spacing within 0.001 mm, or the size would not change
 * @throws {InputError} E_SPACING if the spacing is not positive
 */
export function resampleToSpacing(volume: Volume, spacingMm: Xyz, interpolation: ImageInterpolation): Volume {
  if (interpolation === 'nnunet') return resampleAsNnunet(volume, spacingMm);
  return resampleToSize(volume, sizeAtSpacing(volume, spacingMm), interpolation);
}

/**
 * Resamples labels to a voxel spacing, on the grid that {@link resampleToSpacing} gives an image.
 * @throws {InputError} E_SPACING if the spacing is not positive
 */
export function resampleLabelsToSpacing(
  labels: LabelVolume,
  spacingMm: Xyz,
  interpolation: LabelInterpolation,
): LabelVolume {
  return resampleLabelsToSize(labels, sizeAtSpacing(labels, spacingMm), interpolation);
}
