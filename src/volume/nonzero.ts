/**
 * The non-zero region of a volume: the body, if everything around it was set to 0. It includes holes, which are zeros
 * that are not connected to the border by faces of voxels.
 */
import { type Volume, voxelCount, type Xyz } from './volume.ts';

/** A box of a grid, in voxels. */
export interface Box {
  readonly start: Xyz;
  readonly size: Xyz;
}

const OUTSIDE = 2;
const NEIGHBOURS = 6;

/** The face neighbours of a voxel. */
function neighbours(voxel: number, [width, height, depth]: Xyz): number[] {
  const plane = width * height;
  const [x, y, z] = [voxel % width, Math.floor(voxel / width) % height, Math.floor(voxel / plane)];
  const found: number[] = [];
  if (x > 0) found.push(voxel - 1);
  if (x < width - 1) found.push(voxel + 1);
  if (y > 0) found.push(voxel - width);
  if (y < height - 1) found.push(voxel + width);
  if (z > 0) found.push(voxel - plane);
  if (z < depth - 1) found.push(voxel + plane);
  return found;
}

/** Fills the holes; changes the mask. */
function fillHoles(mask: Uint8Array, size: Xyz): void {
  let front: number[] = [];
  const enter = (voxel: number): void => {
    if (mask[voxel] !== 0) return;
    mask[voxel] = OUTSIDE;
    front.push(voxel);
  };
  // a voxel of the border has fewer than six neighbours
  for (let voxel = 0; voxel < mask.length; voxel++) {
    if (mask[voxel] === 0 && neighbours(voxel, size).length < NEIGHBOURS) enter(voxel);
  }
  while (front.length > 0) {
    const wave = front;
    front = [];
    for (const voxel of wave) for (const next of neighbours(voxel, size)) enter(next);
  }
  for (let voxel = 0; voxel < mask.length; voxel++) mask[voxel] = mask[voxel] === OUTSIDE ? 0 : 1;
}

function maskWithHoles({ data, channels, sizeVoxels }: Pick<Volume, 'data' | 'channels' | 'sizeVoxels'>): Uint8Array {
  const voxels = voxelCount(sizeVoxels);
  const mask = new Uint8Array(voxels);
  for (let channel = 0; channel < channels; channel++) {
    for (let voxel = 0, at = channel * voxels; voxel < voxels; voxel++, at++) if (data[at] !== 0) mask[voxel] = 1;
  }
  return mask;
}

/**
 * Mask of the voxels in which any channel is not 0, with holes filled.
 * @returns 1 inside, 0 outside; x fastest
 */
export function nonzeroMask(volume: Pick<Volume, 'data' | 'channels' | 'sizeVoxels'>): Uint8Array {
  const mask = maskWithHoles(volume);
  fillHoles(mask, volume.sizeVoxels);
  return mask;
}

/** The bounding box of a mask; the whole grid if the mask is empty. */
export function boxAround(mask: Uint8Array, [width, height, depth]: Xyz): Box {
  const low = [width, height, depth];
  const high = [-1, -1, -1];
  for (let z = 0, voxel = 0; z < depth; z++) {
    for (let y = 0; y < height; y++) {
      for (let x = 0; x < width; x++, voxel++) {
        if (mask[voxel] === 0) continue;
        [x, y, z].forEach((place, axis) => {
          if (place < low[axis]!) low[axis] = place;
          if (place > high[axis]!) high[axis] = place;
        });
      }
    }
  }
  if (high[0]! < 0) return { start: [0, 0, 0], size: [width, height, depth] };
  return {
    start: [low[0]!, low[1]!, low[2]!],
    size: [high[0]! - low[0]! + 1, high[1]! - low[1]! + 1, high[2]! - low[2]! + 1],
  };
}

/** The box around the voxels in which any channel is not 0; the whole grid if there are none. */
export function nonzeroBox(volume: Pick<Volume, 'data' | 'channels' | 'sizeVoxels'>): Box {
  return boxAround(maskWithHoles(volume), volume.sizeVoxels);
}

/** The part of an array [channels, z, y, x] that lies in a box; the array itself if the box is the whole grid. */
export function cropped<T extends Float32Array | Uint8Array>(
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
