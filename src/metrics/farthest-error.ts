/**
 * Where two segmentations of one class are furthest apart: the place behind a large surface distance, such as a far
 * island. Volumes are x fastest.
 */
import { type LabelArray, voxelCount, type Xyz } from '../volume/volume.ts';
import { transformDistances } from './distance-transform.ts';

const REFERENCE = 1;
const PREDICTION = 2;
const MADE_UP = 4;
const MISSED = 8;

/** Bits of every voxel of the class: in which segmentation it is, and whether in that one alone. */
function markVoxels(
  reference: LabelArray,
  prediction: LabelArray,
  { voxels, value }: { voxels: number; value: number },
) {
  const bits = new Uint8Array(voxels);
  for (let voxel = 0; voxel < voxels; voxel++) {
    const own = (reference[voxel] === value ? REFERENCE : 0) | (prediction[voxel] === value ? PREDICTION : 0);
    bits[voxel] = own | (own === PREDICTION ? MADE_UP : own === REFERENCE ? MISSED : 0);
  }
  return bits;
}

function countOf(bits: Uint8Array, bit: number): number {
  return bits.reduce((count, own) => count + ((own & bit) === 0 ? 0 : 1), 0);
}

/**
 * The voxel of the class in one segmentation alone that lies furthest from the class in the other one.
 * @param options.value label of the class
 * @returns index of the voxel; undefined where the two agree, or where one of them has no voxel of the class
 */
export function farthestError(
  reference: LabelArray,
  prediction: LabelArray,
  options: { readonly sizeVoxels: Xyz; readonly spacingMm: Xyz; readonly value: number },
): number | undefined {
  const { sizeVoxels: size, spacingMm, value } = options;
  const bits = markVoxels(reference, prediction, { voxels: voxelCount(size), value });
  if (countOf(bits, REFERENCE) === 0 || countOf(bits, PREDICTION) === 0) return undefined;
  let [farthest, largest]: [number | undefined, number] = [undefined, 0];
  for (const [from, to] of [
    [MADE_UP, REFERENCE],
    [MISSED, PREDICTION],
  ] as const) {
    const distances = new Float64Array(countOf(bits, from));
    transformDistances({ size, bits }, spacingMm, { from, to, distances });
    let at = 0;
    bits.forEach((own, voxel) => {
      if ((own & from) === 0) return;
      const distance = distances[at++]!;
      if (distance > largest) [farthest, largest] = [voxel, distance];
    });
  }
  return farthest;
}
