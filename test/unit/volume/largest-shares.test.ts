/** Labels by their largest share, against an image of each label that is interpolated by itself. */
import { describe, expect, it } from 'vitest';
import { random } from '../../../src/core/random.ts';
import { largestShares } from '../../../src/volume/largest-shares.ts';
import { resampleToSize } from '../../../src/volume/resample.ts';
import { type LabelVolume, voxelCount, type Xyz } from '../../../src/volume/volume.ts';

const AFFINE = [1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1];

function labelsOf(sizeVoxels: Xyz, key: number, wide: boolean): LabelVolume {
  const source = random('labels', key);
  const values = Array.from({ length: voxelCount(sizeVoxels) }, () => source.integer(6) * (wide ? 300 : 1));
  return {
    data: wide ? Uint16Array.from(values) : Uint8Array.from(values),
    sizeVoxels,
    spacingMm: [1, 1, 1],
    affine: AFFINE,
  };
}

/** One label after another, ascending: a later one wins only with a larger share. */
function oneByOne(labels: LabelVolume, sizeVoxels: Xyz): number[] {
  const data = new Array<number>(voxelCount(sizeVoxels)).fill(0);
  const largest = new Float32Array(data.length);
  for (const label of [...new Set(labels.data)].sort((left, right) => left - right)) {
    const isLabel = Float32Array.from(labels.data, value => (value === label ? 1 : 0));
    const share = resampleToSize({ ...labels, data: isLabel, channels: 1 }, sizeVoxels, 'linear').data;
    share.forEach((value, index) => {
      if (value > largest[index]!) [data[index], largest[index]] = [label, value];
    });
  }
  return data;
}

describe('the label with the largest share', () => {
  it.each([
    [
      [8, 6, 4],
      [4, 3, 2],
    ],
    [
      [8, 6, 4],
      [8, 3, 4],
    ],
    [
      [9, 7, 5],
      [6, 5, 4],
    ],
    [
      [7, 5, 3],
      [11, 9, 8],
    ],
    [
      [10, 1, 7],
      [7, 1, 10],
    ],
    [
      [5, 5, 5],
      [5, 5, 5],
    ],
    [
      [12, 11, 10],
      [1, 1, 1],
    ],
  ] as const)('is that of images of each label, to the last bit, from %j to %j', (from, to) => {
    for (const wide of [false, true]) {
      for (const key of [1, 2, 3]) {
        const labels = labelsOf(from, key, wide);
        expect([...largestShares(labels, to)]).toEqual(oneByOne(labels, to));
      }
    }
  });
});
