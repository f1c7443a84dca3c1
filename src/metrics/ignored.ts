/** Voxels that nobody has looked at: they are taken out of a prediction and its reference before these are scored. */

import { ShapeError } from '../core/errors.ts';
import type { LabelArray, LabelVolume } from '../volume/volume.ts';

const BACKGROUND = 0;

/**
 * Both with the ignored voxels as background, so that these are in no class of either.
 * @param ignore the value of ignored voxels in the reference; where it is undefined, both come back as they are
 * @throws {ShapeError} if they differ in length
 */
export function withoutIgnored(
  reference: LabelArray,
  prediction: LabelArray,
  ignore: number | undefined,
): { readonly reference: LabelArray; readonly prediction: LabelArray } {
  if (ignore === undefined) return { reference, prediction };
  if (reference.length !== prediction.length) {
    throw new ShapeError(`reference has ${reference.length} voxels and prediction ${prediction.length}`);
  }
  const [known, predicted] = [reference.slice(), prediction.slice()];
  for (let i = 0; i < reference.length; i++) {
    if (reference[i] !== ignore) continue;
    known[i] = BACKGROUND;
    predicted[i] = BACKGROUND;
  }
  return { reference: known, prediction: predicted };
}

/** 1 where a voxel of the reference counts, 0 where it is ignored; undefined where all count. */
export function countedVoxels({ data, ignore }: Pick<LabelVolume, 'data' | 'ignore'>): Uint8Array | undefined {
  return ignore === undefined ? undefined : Uint8Array.from(data, value => (value === ignore ? 0 : 1));
}
