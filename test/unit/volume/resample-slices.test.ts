/** Slice by slice against the whole volume at once. */
import { expect, it } from 'vitest';
import { random } from '../../../src/core/random.ts';
import { resampleToSize } from '../../../src/volume/resample.ts';
import { resampleSlices } from '../../../src/volume/resample-slices.ts';
import type { Xyz } from '../../../src/volume/volume.ts';

const IDENTITY = [1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1];
const CHANNELS = 2;

/** Slices in one array that is used again and again, as a producer may do. */
async function* slicesOf(data: Float32Array, [width, height, depth]: Xyz): AsyncGenerator<Float32Array, void> {
  const plane = width * height;
  const slice = new Float32Array(CHANNELS * plane);
  for (let z = 0; z < depth; z++) {
    for (let k = 0; k < CHANNELS; k++) {
      slice.set(data.subarray((k * depth + z) * plane, (k * depth + z + 1) * plane), k * plane);
    }
    yield slice;
    slice.fill(Number.NaN);
  }
}

it.each<readonly [string, Xyz, Xyz]>([
  ['finer along every axis', [4, 5, 6], [7, 9, 11]],
  ['coarser along every axis', [9, 8, 13], [4, 5, 6]],
  ['finer in z alone', [4, 5, 6], [4, 5, 13]],
  ['in plane alone', [4, 5, 6], [5, 4, 6]],
  ['twice as fine', [4, 4, 4], [8, 8, 8]],
  ['an odd factor, whose slices meet', [3, 3, 9], [3, 3, 3]],
  ['one slice to many', [3, 4, 1], [3, 4, 5]],
  ['many slices to one', [3, 4, 5], [3, 4, 1]],
  ['the same grid', [3, 4, 5], [3, 4, 5]],
])('gives what resampling the whole volume gives: %s', async (_, from, to) => {
  const source = random(7, 'volume');
  const data = Float32Array.from({ length: CHANNELS * from[0] * from[1] * from[2] }, () => source.uniform());
  const volume = { data, channels: CHANNELS, sizeVoxels: from, spacingMm: [1, 1, 1] as Xyz, affine: IDENTITY };
  const whole = resampleToSize(volume, to, 'linear').data;
  const plane = to[0] * to[1];
  let z = 0;
  for await (const slice of resampleSlices(slicesOf(data, from), { channels: CHANNELS, from, to })) {
    for (let k = 0; k < CHANNELS; k++) {
      const expected = whole.subarray((k * to[2] + z) * plane, (k * to[2] + z + 1) * plane);
      expect(slice.subarray(k * plane, (k + 1) * plane)).toEqual(expected);
    }
    z++;
  }
  expect(z).toBe(to[2]);
});
