/**
 * The non-zero region of a volume: the body, if everything around it was set to 0. It includes holes, which are zeros
 * that are not connected to the border by faces of voxels. Voxels that are NaN or infinite count as 0, since some
 * programs write them around the body.
 * Source: nnU-Net (arXiv:1904.08128) crops to the same box, nnunetv2 2.8.1, preprocessing/cropping/cropping.py; there
 * NaN is not 0.
 */
import { type Affine, type Grid, type LabelArray, type Volume, voxelCount, type Xyz } from './volume.ts';

/**
 * What is cut away of a volume before anything else. nonzero: what lies outside of the box around the voxels of which
 * any channel is not 0.
 */
export const CROPS = ['nonzero', 'none'] as const;
export type Crop = (typeof CROPS)[number];

/** A box of a grid, in voxels. */
export interface Box {
  readonly start: Xyz;
  readonly size: Xyz;
}

type Image = Pick<Volume, 'data' | 'channels' | 'sizeVoxels'>;

const OUTSIDE = 2;

/** A mask with a frame of zeros around it, and the place of a voxel of the mask in it. */
function framed(mask: Uint8Array, [width, height, depth]: Xyz) {
  const row = width + 2;
  const plane = row * (height + 2);
  const data = new Uint8Array(plane * (depth + 2));
  const startOf = (y: number, z: number): number => (z + 1) * plane + (y + 1) * row + 1;
  const rows = (visit: (from: number, at: number) => void): void => {
    for (let z = 0; z < depth; z++) {
      for (let y = 0; y < height; y++) visit((z * height + y) * width, startOf(y, z));
    }
  };
  rows((from, at) => data.set(mask.subarray(from, from + width), at));
  return { data, steps: [1, row, plane].flatMap(step => [step, -step]), rows };
}

/** Fills the holes: what is 0 and cannot be reached from the frame. Changes the mask. */
function fillHoles(mask: Uint8Array, size: Xyz): void {
  const { data, steps, rows } = framed(mask, size);
  // depth first: the stack holds each voxel of the surroundings at most once
  const stack = new Int32Array(data.reduce((zeros, value) => zeros + 1 - value, 0));
  data[0] = OUTSIDE;
  for (let count = 1; count > 0; ) {
    const voxel = stack[--count]!;
    // beyond the first and the last voxel there is no 0; from the end of a row to the next one is frame to frame
    for (let i = 0; i < steps.length; i++) {
      const next = voxel + steps[i]!;
      if (data[next] !== 0) continue;
      data[next] = OUTSIDE;
      stack[count++] = next;
    }
  }
  rows((from, at) => {
    for (let x = 0; x < size[0]; x++) mask[from + x] = data[at + x] === OUTSIDE ? 0 : 1;
  });
}

function maskWithHoles({ data, channels, sizeVoxels }: Image): Uint8Array {
  const voxels = voxelCount(sizeVoxels);
  const mask = new Uint8Array(voxels);
  for (let channel = 0; channel < channels; channel++) {
    for (let voxel = 0, at = channel * voxels; voxel < voxels; voxel++, at++) {
      if (data[at] !== 0 && Number.isFinite(data[at])) mask[voxel] = 1;
    }
  }
  return mask;
}

/**
 * Mask of the voxels in which any channel is not 0, with holes filled.
 * @returns 1 inside, 0 outside; x fastest
 */
export function nonzeroMask(volume: Image): Uint8Array {
  const mask = maskWithHoles(volume);
  fillHoles(mask, volume.sizeVoxels);
  return mask;
}

/** The bounding box of a mask; the whole grid if the mask is empty. */
export function boxAround(mask: Uint8Array, [width, height, depth]: Xyz): Box {
  const low = [width, height, depth];
  const high = [-1, -1, -1];
  const reach = (axis: number, from: number, to: number): void => {
    if (from < low[axis]!) low[axis] = from;
    if (to > high[axis]!) high[axis] = to;
  };
  for (let z = 0, row = 0; z < depth; z++) {
    for (let y = 0; y < height; y++, row += width) {
      let first = 0;
      while (first < width && mask[row + first] === 0) first++;
      if (first === width) continue;
      let last = width - 1;
      while (mask[row + last] === 0) last--;
      reach(0, first, last);
      reach(1, y, y);
      reach(2, z, z);
    }
  }
  if (high[0]! < 0) return { start: [0, 0, 0], size: [width, height, depth] };
  return {
    start: [low[0]!, low[1]!, low[2]!],
    size: [high[0]! - low[0]! + 1, high[1]! - low[1]! + 1, high[2]! - low[2]! + 1],
  };
}

/** The box around the voxels in which any channel is not 0; the whole grid if there are none. */
export function nonzeroBox(volume: Image): Box {
  return boxAround(maskWithHoles(volume), volume.sizeVoxels);
}

/** The box that stays of a volume. */
export function boxOfCrop(volume: Image, crop: Crop): Box {
  return crop === 'nonzero' ? nonzeroBox(volume) : { start: [0, 0, 0], size: volume.sizeVoxels };
}

/** The part of an array [channels, z, y, x] inside a box; the array itself if the box is the whole grid. */
export function cropped<T extends Float32Array | LabelArray>(
  data: T,
  [width, height, depth]: Xyz,
  { start, size }: Box,
): T {
  const voxels = width * height * depth;
  const channels = data.length / voxels;
  const count = voxelCount(size);
  if (count === voxels) return data;
  const result = new (data.constructor as new (length: number) => T)(channels * count);
  let to = 0;
  for (let channel = 0; channel < channels; channel++) {
    for (let z = 0; z < size[2]; z++) {
      for (let y = 0; y < size[1]; y++) {
        const from = channel * voxels + ((z + start[2]) * height + y + start[1]) * width + start[0];
        result.set(data.subarray(from, from + size[0]), to);
        to += size[0];
      }
    }
  }
  return result;
}

/** The affine of the box of a grid: its first voxel is that of the box. */
function movedAffine(affine: Affine, start: Xyz): Affine {
  return affine.map((value, index) => {
    const row = index - (index % 4);
    if (index % 4 < 3 || row === 12) return value;
    return start.reduce((sum, steps, axis) => sum + steps * (affine[row + axis] ?? 0), value);
  });
}

/** The part of a volume, or of labels, inside a box, in its place in the world; itself if that is all of it. */
export function croppedVolume<V extends Grid & { readonly data: Float32Array | LabelArray }>(volume: V, box: Box): V {
  const { data, sizeVoxels, affine } = volume;
  if (voxelCount(box.size) === voxelCount(sizeVoxels)) return volume;
  return {
    ...volume,
    data: cropped(data, sizeVoxels, box),
    sizeVoxels: box.size,
    affine: movedAffine(affine, box.start),
  };
}
