/** Volumes with a frame of one value around them. */
import { mapAxes } from '../../src/core/axes.ts';
import type { LabelArray, Volume, Xyz } from '../../src/volume/volume.ts';
import { voxelCount } from '../../src/volume/volume.ts';

/** Voxels of a frame before the first and behind the last voxel of each axis. */
export interface Frame {
  readonly before: Xyz;
  readonly after: Xyz;
}

/** An array [channels, z, y, x] with a frame; the voxels in it have one value. */
export function framed<T extends Float32Array | LabelArray>(
  data: T,
  sizeVoxels: Xyz,
  { before, after, value = 0 }: Frame & { readonly value?: number },
): T {
  const [width, height, depth] = sizeVoxels;
  const [newWidth, newHeight, newDepth] = mapAxes(axis => before[axis] + sizeVoxels[axis] + after[axis]);
  const channels = data.length / voxelCount(sizeVoxels);
  const result = new (data.constructor as new (length: number) => T)(channels * newWidth * newHeight * newDepth);
  result.fill(value);
  for (let row = 0; row < channels * depth * height; row++) {
    const [y, z, channel] = [row % height, Math.floor(row / height) % depth, Math.floor(row / height / depth)];
    const to = ((channel * newDepth + z + before[2]) * newHeight + y + before[1]) * newWidth + before[0];
    result.set(data.subarray(row * width, (row + 1) * width), to);
  }
  return result;
}

/** A volume with a frame of zeros; it stays where it is in the world, axes are not turned. */
export function framedVolume(volume: Volume, frame: Frame): Volume {
  const { data, sizeVoxels, spacingMm, affine } = volume;
  const moved = [...affine];
  for (const row of [0, 1, 2]) {
    for (const axis of [0, 1, 2] as const) moved[row * 4 + 3]! -= affine[row * 4 + axis]! * frame.before[axis];
  }
  return {
    ...volume,
    data: framed(data, sizeVoxels, frame),
    sizeVoxels: mapAxes(axis => frame.before[axis] + sizeVoxels[axis] + frame.after[axis]),
    spacingMm,
    affine: moved,
  };
}
