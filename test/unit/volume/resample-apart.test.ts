import { describe, expect, test } from 'vitest';
import { resampleToSpacing } from '../../../src/volume/resample.ts';
import { axisApart, nearestIndices, resampleApart, roundHalfEven } from '../../../src/volume/resample-apart.ts';

describe('axisApart', () => {
  test.each([
    [[1, 1, 3], [1, 1, 1], null, undefined],
    [[1, 1, 3.1], [1, 1, 1], null, 2],
    // the spacing before resampling is asked first
    [[3.5, 1, 1], [1, 5, 1], null, 0],
    [[1, 1, 1], [1, 5, 1], null, 1],
    // two thickest axes are none
    [[4, 4, 1], [1, 1, 5], null, undefined],
    [[1, 1, 1.5], [1, 1, 1], true, 2],
    [[1, 1, 9], [1, 1, 1], false, undefined],
  ] as const)('from %j to %j (%j) is %j', (from, to, separate, axis) => {
    expect(axisApart(from, to, separate)).toBe(axis);
  });
});

test('whole halves are rounded to the even neighbour', () => {
  expect([0.5, 1.5, 2.5, 2.4, 2.6, 3].map(roundHalfEven)).toEqual([0, 2, 2, 2, 3, 3]);
});

test('the nearest voxel is the one whose centre is nearest, the later of two', () => {
  expect([...nearestIndices(4, 2)]).toEqual([1, 3]);
  expect([...nearestIndices(2, 5)]).toEqual([0, 0, 1, 1, 1]);
});

describe('resampleApart', () => {
  const line = Float32Array.of(3, -1, 4, 1, -5, 9, 2, 6);

  test('gives what scipy.ndimage.zoom gives with repeated edges', () => {
    // zoom(line, 13 / 8, order=3, mode='nearest', grid_mode=True), SciPy 1.17.1, cut to the range of the line
    const expected = [
      3.453202, 0.910173, -0.959701, 2.12229, 4.49934, 2.010449, -4.088975, -3.884899, 6.228349, 8.092557, 2.196671,
      3.371075, 6.58993,
    ];
    const result = resampleApart(line, [8, 1, 1], [13, 1, 1], { order: 3, apart: undefined, orderAcross: 0 });
    result.forEach((value, index) => {
      expect(value).toBeCloseTo(expected[index]!, 5);
    });
  });

  test('takes slices across a thick axis whole, and cuts each to its own range', () => {
    const slices = Float32Array.of(...line, ...line.map(value => 10 * value), ...line.map(value => value + 100));
    const result = resampleApart(slices, [8, 1, 3], [13, 1, 6], { order: 3, apart: 2, orderAcross: 0 });
    const along = resampleApart(line, [8, 1, 1], [13, 1, 1], { order: 3, apart: undefined, orderAcross: 0 });
    const slice = (z: number): Float32Array => result.subarray(13 * z, 13 * (z + 1));
    expect(slice(0)).toEqual(along);
    expect(slice(1)).toEqual(slice(0));
    expect(slice(3)).toEqual(slice(2));
    slice(2).forEach((value, index) => {
      expect(value).toBeCloseTo(10 * along[index]!, 3);
    });
    // a spline leaves the range of a step
    const step = Float32Array.of(0, 0, 0, 1, 1, 1, 0, 0, 0, 5, 5, 5);
    const cut = resampleApart(step, [6, 1, 2], [18, 1, 2], { order: 3, apart: 2, orderAcross: 0 });
    const extent = (values: Float32Array): number[] => [Math.min(...values), Math.max(...values)];
    expect([extent(cut.subarray(0, 18)), extent(cut.subarray(18))]).toEqual([
      [0, 1],
      [0, 5],
    ]);
  });

  test('is a way to resample the images of a recipe', () => {
    const volume = {
      data: Float32Array.from({ length: 4 * 4 * 2 }, (_, index) => (index * 7) % 11),
      channels: 1,
      sizeVoxels: [4, 4, 2] as const,
      spacingMm: [1, 1, 5] as const,
      affine: [1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 5, 0, 0, 0, 0, 1],
    };
    const { data, sizeVoxels, spacingMm } = resampleToSpacing(volume, [0.5, 0.5, 2.5], 'nnunet');
    expect(sizeVoxels).toEqual([8, 8, 4]);
    expect(spacingMm).toEqual([0.5, 0.5, 2.5]);
    expect(data).toEqual(
      resampleApart(volume.data, volume.sizeVoxels, sizeVoxels, { order: 3, apart: 2, orderAcross: 0 }),
    );
  });
});
