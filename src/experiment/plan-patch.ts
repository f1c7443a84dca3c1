/** The patch of a plan: the largest one that fits a memory. */

import { AXES, type Axis, mapAxes } from '../core/axes.ts';
import type { Xyz } from '../volume/volume.ts';
import { SMALLEST_LEVEL_VOXELS } from './plan-network.ts';

/**
 * Patches from the largest to the smallest: again and again the longest side in millimetres gives way, so that a patch
 * is as close to a cube as the cases and their slices let it be.
 */
export function shrinkingPatches(largest: Xyz, spacingMm: Xyz): readonly Xyz[] {
  const patches = [largest];
  for (let size = largest; ; ) {
    const length = (axis: Axis): number => size[axis] * spacingMm[axis];
    const long = AXES.filter(axis => size[axis] > 2 * SMALLEST_LEVEL_VOXELS);
    if (long.length === 0) return patches;
    const longest = long.reduce((best, axis) => (length(axis) > length(best) ? axis : best));
    const shorter = Math.max(2 * SMALLEST_LEVEL_VOXELS, size[longest] - SMALLEST_LEVEL_VOXELS);
    size = mapAxes(axis => (axis === longest ? shorter : size[axis]));
    patches.push(size);
  }
}

/** Number of voxels of a patch. */
export function patchVoxelCount([x, y, z]: Xyz): number {
  return x * y * z;
}

/**
 * The first of shrinking patches that fits, whose predecessor does not. What a patch takes grows about in proportion to
 * its voxels, so a few patches are asked about, between two of which lies the border.
 * @param bytesOf memory that a patch takes
 * @returns undefined if even the last one does not fit
 */
export function firstFitting(
  patches: readonly Xyz[],
  bytesOf: (patch: Xyz) => number,
  memoryBytes: number,
): Xyz | undefined {
  const at = (index: number) => {
    const patch = patches[index] as Xyz;
    return { index, patch, voxels: patchVoxelCount(patch), bytes: bytesOf(patch) };
  };
  let above = at(0);
  if (above.bytes <= memoryBytes) return above.patch;
  let below = at(patches.length - 1);
  if (below.bytes > memoryBytes) return undefined;
  for (let round = 0; below.index - above.index > 1; round++) {
    const share = (memoryBytes - below.bytes) / (above.bytes - below.bytes);
    const voxels = below.voxels + share * (above.voxels - below.voxels);
    // every second time the middle, in case that the memory grows otherwise
    const middle = (above.index + below.index) >> 1;
    const guess = round % 2 === 1 ? middle : patches.findIndex(patch => patchVoxelCount(patch) <= voxels);
    const next = at(Math.min(below.index - 1, Math.max(above.index + 1, guess)));
    if (next.bytes <= memoryBytes) below = next;
    else above = next;
  }
  return below.patch;
}
