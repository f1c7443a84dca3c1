/**
 * A scanned volume: voxels, their grid and its position in the world. Voxel order is NIfTI's: x fastest, then y, then
 * z, then channel. Seen as a row-major tensor this is [C, D, H, W] with D = z, H = y, W = x, so no copy is needed
 * between file and model. Everything that people write or read is in x, y, z order.
 */

import type { Xyz } from '../core/shape.ts';

export type { Xyz };

/** 4x4 matrix, row-major: voxel index (x, y, z, 1) to world millimetres (RAS+), as nibabel's `affine`. */
export type Affine = readonly number[];

/** A volume of either kind, without its voxels. */
export interface Grid {
  readonly sizeVoxels: Xyz;
  readonly spacingMm: Xyz;
  readonly affine: Affine;
}

export interface Volume {
  /** Voxel values after slope and intercept; length channels * x * y * z. */
  readonly data: Float32Array;
  readonly sizeVoxels: Xyz;
  readonly channels: number;
  readonly spacingMm: Xyz;
  readonly affine: Affine;
  /** Set if the file does not state its position, and the affine is assumed. */
  readonly isPlaced?: false;
}

/** Labels of voxels, up to 65,535 as the atlases of FreeSurfer have them. */
export type LabelArray = Uint8Array | Uint16Array;

/** How many values a label may have. */
export const LABEL_VALUES = 65_536;
const LARGEST_BYTE = 255;

/** Room for labels up to a largest one, all 0. */
export function createLabels(length: number, largest: number): LabelArray {
  return largest > LARGEST_BYTE ? new Uint16Array(length) : new Uint8Array(length);
}

/** Room for labels that come from others, all 0. */
export function createLabelsLike(labels: LabelArray, length: number): LabelArray {
  return labels instanceof Uint16Array ? new Uint16Array(length) : new Uint8Array(length);
}

/** A segmentation on a volume's grid: one class index per voxel, same order as {@link Volume.data}. */
export interface LabelVolume {
  /** Two bytes per voxel only where a label is above 255. */
  readonly data: LabelArray;
  readonly sizeVoxels: Xyz;
  readonly spacingMm: Xyz;
  readonly affine: Affine;
  readonly isPlaced?: false;
  /** The value of voxels that nobody has looked at: they count in no loss and in no score. */
  readonly ignore?: number | undefined;
}

/** Number of voxels of a grid. */
export function voxelCount(sizeVoxels: Xyz): number {
  return sizeVoxels[0] * sizeVoxels[1] * sizeVoxels[2];
}

/** A grid as messages print it: `35x51x35`, x first. */
export function formatSize(sizeVoxels: Xyz): string {
  return sizeVoxels.join('x');
}

/** Default limit of the size of a volume's float32 voxels, bytes. */
export const LARGEST_VOLUME_BYTES = 4 * 2 ** 30;
