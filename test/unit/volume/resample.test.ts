import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  resampleLabelsToSize,
  resampleLabelsToSpacing,
  resampleToSize,
  resampleToSpacing,
} from '../../../src/volume/resample.ts';
import type { Affine, LabelVolume, Volume, Xyz } from '../../../src/volume/volume.ts';

const AFFINE: Affine = [-2, 0, 0, 10, 0, 1, 0, 20, 0, 0, 3, 30, 0, 0, 0, 1];
const SPACING: Xyz = [2, 1, 3];

function volumeOf(
  sizeVoxels: Xyz,
  value: (x: number, y: number, z: number, c: number) => number,
  channels = 1,
): Volume {
  const [width, height, depth] = sizeVoxels;
  const data = new Float32Array(width * height * depth * channels);
  let i = 0;
  for (let c = 0; c < channels; c++)
    for (let z = 0; z < depth; z++)
      for (let y = 0; y < height; y++) for (let x = 0; x < width; x++) data[i++] = value(x, y, z, c);
  return { data, sizeVoxels, channels, spacingMm: SPACING, affine: AFFINE };
}

function world(affine: Affine, voxel: Xyz): number[] {
  return [0, 1, 2].map(row => {
    const [a = 0, b = 0, c = 0, d = 0] = affine.slice(row * 4, row * 4 + 4);
    return a * voxel[0] + b * voxel[1] + c * voxel[2] + d;
  });
}

const size = fc.tuple(fc.integer({ min: 1, max: 7 }), fc.integer({ min: 1, max: 7 }), fc.integer({ min: 1, max: 7 }));

describe('resampling', () => {
  test('two voxels become four by the half-pixel rule', () => {
    const volume = volumeOf([2, 1, 1], x => x * 4);
    expect(Array.from(resampleToSize(volume, [4, 1, 1], 'linear').data)).toEqual([0, 1, 3, 4]);
  });

  test('four voxels become two by the mean of each pair', () => {
    const volume = volumeOf([1, 4, 1], (_, y) => [1, 3, 10, 20][y] ?? 0);
    expect(Array.from(resampleToSize(volume, [1, 2, 1], 'linear').data)).toEqual([2, 15]);
  });

  test('a function linear in world coordinates keeps its value wherever a new voxel lies inside the old centres', () => {
    const linear = ([x = 0, y = 0, z = 0]: readonly number[]): number => 0.5 * x - 0.25 * y + 0.125 * z;
    fc.assert(
      fc.property(size, size, (from, to) => {
        const volume = volumeOf(from, (x, y, z) => linear(world(AFFINE, [x, y, z])));
        const result = resampleToSize(volume, to, 'linear');
        let i = 0;
        for (let z = 0; z < to[2]; z++) {
          for (let y = 0; y < to[1]; y++) {
            for (let x = 0; x < to[0]; x++, i++) {
              const at = [x, y, z].map((j, axis) => ((j + 0.5) * (from[axis] ?? 1)) / (to[axis] ?? 1) - 0.5);
              if (!at.every((position, axis) => position >= 0 && position <= (from[axis] ?? 1) - 1)) continue;
              expect(result.data[i]).toBeCloseTo(linear(world(result.affine, [x, y, z])), 4);
            }
          }
        }
      }),
      { numRuns: 60 },
    );
  });

  test('the box in the world stays the same', () => {
    fc.assert(
      fc.property(size, size, (from, to) => {
        const volume = volumeOf(from, () => 0);
        const result = resampleToSize(volume, to, 'linear');
        const corners = (v: Volume): number[] => [
          ...world(v.affine, [-0.5, -0.5, -0.5]),
          ...world(v.affine, [v.sizeVoxels[0] - 0.5, v.sizeVoxels[1] - 0.5, v.sizeVoxels[2] - 0.5]),
        ];
        corners(result).forEach((value, i) => {
          expect(value).toBeCloseTo(corners(volume)[i] ?? Number.NaN, 9);
        });
      }),
      { numRuns: 60 },
    );
  });

  test('channels do not mix', () => {
    const both = volumeOf([3, 4, 5], (x, y, z, c) => (c === 0 ? x + y * z : 100 - x * y), 2);
    const second = { ...both, data: both.data.slice(60), channels: 1 };
    const to: Xyz = [5, 3, 7];
    expect(resampleToSize(both, to, 'linear').data.slice(105)).toEqual(resampleToSize(second, to, 'linear').data);
  });

  test('a missing voxel does not spread to voxels that only touch it with weight 0', () => {
    const volume = volumeOf([3, 1, 1], x => (x === 2 ? Number.NaN : 1));
    expect(Array.from(resampleToSize(volume, [9, 1, 1], 'linear').data.slice(0, 5))).toEqual([1, 1, 1, 1, 1]);
  });

  test('labels take the nearest voxel and no new values', () => {
    const labels: LabelVolume = {
      data: Uint8Array.of(7, 0, 3, 0, 9, 1),
      sizeVoxels: [3, 2, 1],
      spacingMm: SPACING,
      affine: AFFINE,
    };
    const result = resampleLabelsToSize(labels, [6, 1, 2], 'nearest');
    expect(Array.from(result.data)).toEqual([0, 0, 9, 9, 1, 1, 0, 0, 9, 9, 1, 1]);
    expect(result.spacingMm).toEqual([1, 2, 1.5]);
  });

  test('labels come back unchanged after a detour over a multiple of the size', () => {
    fc.assert(
      fc.property(size, fc.integer({ min: 1, max: 3 }), (from, factor) => {
        const image = volumeOf(from, (x, y, z) => (x * 7 + y * 3 + z * 5) % 4);
        const labels: LabelVolume = { ...image, data: Uint8Array.from(image.data) };
        const finer: Xyz = [from[0] * factor, from[1] * factor, from[2] * factor];
        expect(resampleLabelsToSize(resampleLabelsToSize(labels, finer, 'nearest'), from, 'nearest').data).toEqual(
          labels.data,
        );
      }),
      { numRuns: 40 },
    );
  });

  test('a target spacing sets the size, and image and labels agree on it', () => {
    const volume = volumeOf([10, 11, 4], x => x);
    const labels: LabelVolume = { ...volume, data: Uint8Array.from(volume.data) };
    const result = resampleToSpacing(volume, [1, 2, 1.5], 'linear');
    expect(result.sizeVoxels).toEqual([20, 6, 8]);
    expect(result.spacingMm).toEqual([1, 11 / 6, 1.5]);
    expect(resampleLabelsToSpacing(labels, [1, 2, 1.5], 'nearest').sizeVoxels).toEqual(result.sizeVoxels);
  });

  test('the spacing it already has returns the volume itself', () => {
    const volume = volumeOf([10, 11, 2000], () => 0);
    expect(resampleToSpacing(volume, [2.0005, 0.9995, 3.0009], 'linear')).toBe(volume);
    expect(resampleToSpacing(volume, [2.01, 1, 3], 'linear')).not.toBe(resampleToSpacing(volume, [4, 1, 3], 'linear'));
  });

  test('refuses a spacing that is not positive', () => {
    expect(() =>
      resampleToSpacing(
        volumeOf([2, 2, 2], () => 0),
        [1, 0, 1],
        'linear',
      ),
    ).toThrow(/E_SPACING|positive/);
  });
});

describe('against SciPy', () => {
  interface Golden {
    readonly size: Xyz;
    readonly newSize: Xyz;
    readonly image: readonly number[];
    readonly linear: readonly number[];
    readonly cubic: readonly number[];
    readonly labels: readonly number[];
    readonly labelsLinear: readonly number[];
    /** Where two labels have the same share. */
    readonly tied: readonly boolean[];
  }

  /** Written by scipy.ndimage; see test/fixtures/make-resample-goldens.py. */
  const goldens: readonly Golden[] = JSON.parse(
    readFileSync(new URL('../../fixtures/resample-goldens.json', import.meta.url), 'utf8'),
  );
  const grid = { spacingMm: SPACING, affine: AFFINE };

  test.each(goldens.map(golden => [golden.size, golden.newSize, golden] as const))('%o to %o', (_, __, golden) => {
    const volume: Volume = { ...grid, sizeVoxels: golden.size, channels: 1, data: Float32Array.from(golden.image) };
    for (const interpolation of ['linear', 'cubic'] as const) {
      const { data } = resampleToSize(volume, golden.newSize, interpolation);
      golden[interpolation].forEach((value, index) => {
        expect(data[index], `${interpolation} ${index}`).toBeCloseTo(value, 5);
      });
    }
    const labels: LabelVolume = { ...grid, sizeVoxels: golden.size, data: Uint8Array.from(golden.labels) };
    const { data } = resampleLabelsToSize(labels, golden.newSize, 'linear');
    expect(golden.tied.filter(tied => tied).length).toBeLessThan(golden.tied.length / 2);
    golden.labelsLinear.forEach((label, index) => {
      if (!golden.tied[index]) expect(data[index], `label ${index}`).toBe(label);
    });
  });

  test('splines treat many lines, channels and every axis alike', () => {
    const volume = volumeOf([70, 3, 2], (x, y, z, c) => Math.sin(x * x + 3 * y + z) * (c + 1), 2);
    const wide = resampleToSize(volume, [100, 3, 2], 'cubic');
    for (let line = 0; line < 12; line++) {
      const alone: Volume = {
        ...grid,
        sizeVoxels: [1, 1, 70],
        channels: 1,
        data: volume.data.slice(line * 70, line * 70 + 70),
      };
      const channel = line < 6 ? 0 : 1;
      const inRange = volume.data.subarray(channel * 420, channel * 420 + 420);
      const [low, high] = [Math.min(...inRange), Math.max(...inRange)];
      resampleToSize(alone, [1, 1, 100], 'cubic').data.forEach((value, index) => {
        const got = wide.data[line * 100 + index]!;
        // alone, a line is cut to its own range
        if (Math.abs(got - value) > 1e-6) expect(Math.abs(got)).toBeGreaterThan(Math.abs(value));
        expect(got).toBeGreaterThanOrEqual(low);
        expect(got).toBeLessThanOrEqual(high);
      });
    }
  });
});
