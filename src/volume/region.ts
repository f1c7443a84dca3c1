/** The region of interest around what is labelled in a volume. */
import { mapAxes } from '../core/axes.ts';
import { type Box, boxAround } from './nonzero.ts';
import type { LabelVolume } from './volume.ts';

/**
 * The box around everything that is labelled, with a margin, within the grid. Voxels that nobody has looked at are not
 * labelled.
 * @param marginMm at least 0; whole voxels, rounded up
 * @returns undefined if nothing is labelled
 */
export function regionAround(
  { data, sizeVoxels, spacingMm, ignore }: Omit<LabelVolume, 'affine'>,
  marginMm: number,
): Box | undefined {
  const isLabelled = (value: number): boolean => value !== 0 && value !== ignore;
  if (!data.some(isLabelled)) return undefined;
  const isMask = data instanceof Uint8Array && ignore === undefined;
  const mask = isMask ? data : Uint8Array.from(data, value => Number(isLabelled(value)));
  const { start, size } = boxAround(mask, sizeVoxels);
  const margin = mapAxes(axis => Math.ceil(marginMm / spacingMm[axis] - 1e-6));
  const from = mapAxes(axis => Math.max(0, start[axis] - margin[axis]));
  const to = mapAxes(axis => Math.min(sizeVoxels[axis], start[axis] + size[axis] + margin[axis]));
  return { start: from, size: mapAxes(axis => to[axis] - from[axis]) };
}
