import { describe, expect, test } from 'vitest';
import { random } from '../../../../src/core/random.ts';
import {
  type Augmentation,
  type AugmentSettings,
  drawAugmentation,
  NO_AUGMENTATION,
  UNVARIED,
} from '../../../../src/data/augment/augmentation.ts';
import type { Deformation } from '../../../../src/data/augment/elastic.ts';
import { cutPatch, type PatchSource } from '../../../../src/data/augment/spatial.ts';
import type { PatchPadding, PatchWindow } from '../../../../src/data/patches.ts';
import type { Xyz } from '../../../../src/volume/volume.ts';

const ISOTROPIC: Xyz = [1, 1, 1];

function sourceOf(sizeVoxels: Xyz, channels = 1, seed = 1): PatchSource {
  const voxels = sizeVoxels[0] * sizeVoxels[1] * sizeVoxels[2];
  const numbers = random(seed);
  return {
    image: Float32Array.from({ length: voxels * channels }, () => numbers.uniform()),
    label: Uint8Array.from({ length: voxels }, () => numbers.integer(3)),
    sizeVoxels,
    channels,
    minima: Array.from({ length: channels }, (_, channel) => -1 - channel),
  };
}

function cut(source: PatchSource, window: PatchWindow, augmentation: Augmentation, padding: PatchPadding = 'constant') {
  const voxels = window.size[0] * window.size[1] * window.size[2];
  const target = {
    image: new Float32Array(voxels * source.channels).fill(Number.NaN),
    label: new Int32Array(voxels).fill(-9),
  };
  cutPatch(target, source, { window, padding, augmentation });
  return target;
}

/** Voxel of one channel or the fill value, straight from the definition. */
function voxelAt(source: PatchSource, channel: number, position: readonly number[]): number {
  const [x = 0, y = 0, z = 0] = position;
  const [width, height, depth] = source.sizeVoxels;
  if (x < 0 || y < 0 || z < 0 || x >= width || y >= height || z >= depth) return source.minima[channel] ?? 0;
  return source.image[((channel * depth + z) * height + y) * width + x]!;
}

/** Trilinear interpolation as a sum over eight neighbours. */
function interpolate(source: PatchSource, channel: number, position: readonly number[]): number {
  let sum = 0;
  for (let corner = 0; corner < 8; corner++) {
    const offsets = [corner & 1, (corner >> 1) & 1, corner >> 2];
    const neighbour = position.map((p, axis) => Math.floor(p) + offsets[axis]!);
    const weight = position.reduce((product, p, axis) => product * (1 - Math.abs(p - neighbour[axis]!)), 1);
    sum += weight * voxelAt(source, channel, neighbour);
  }
  return sum;
}

const QUARTER_TURN: Augmentation = { ...NO_AUGMENTATION, matrix: [0, -1, 0, 1, 0, 0, 0, 0, 1] };
const WHOLE: PatchWindow = { start: [0, 0, 0], size: [4, 4, 2] };

describe('cutPatch', () => {
  test('without augmentation is the voxels themselves', () => {
    const source = sourceOf([4, 4, 2], 2);
    const { image, label } = cut(source, WHOLE, NO_AUGMENTATION);
    expect(image).toEqual(source.image);
    expect([...label]).toEqual([...source.label]);
  });

  test('a unit matrix gives the same as no matrix', () => {
    const source = sourceOf([9, 8, 7], 2);
    const window: PatchWindow = { start: [-1, 2, 3], size: [6, 7, 5] };
    for (const flip of [NO_AUGMENTATION.flip, [true, false, true] as const]) {
      const copied = cut(source, window, { ...NO_AUGMENTATION, flip });
      const sampled = cut(source, window, { ...NO_AUGMENTATION, flip, matrix: [1, 0, 0, 0, 1, 0, 0, 0, 1] });
      expect(sampled).toEqual(copied);
    }
  });

  test('a quarter turn moves whole voxels, image and label alike', () => {
    const source = sourceOf([4, 4, 2]);
    const { image, label } = cut(source, WHOLE, QUARTER_TURN);
    for (let z = 0; z < 2; z++) {
      for (let y = 0; y < 4; y++) {
        for (let x = 0; x < 4; x++) {
          const from = (z * 4 + x) * 4 + (3 - y);
          expect(image[(z * 4 + y) * 4 + x]).toBeCloseTo(source.image[from]!, 6);
          expect(label[(z * 4 + y) * 4 + x]).toBe(source.label[from]);
        }
      }
    }
  });

  test('four quarter turns are no turn', () => {
    let source = sourceOf([4, 4, 2]);
    const start = source;
    for (let turn = 0; turn < 4; turn++) {
      const { image, label } = cut(source, WHOLE, QUARTER_TURN);
      source = { ...source, image, label: Uint8Array.from(label) };
    }
    expect([...source.label]).toEqual([...start.label]);
    source.image.forEach((value, i) => {
      expect(value).toBeCloseTo(start.image[i]!, 5);
    });
  });

  test('any rotation and zoom agrees with interpolation by definition, in the case and at its border', () => {
    const source = sourceOf([11, 9, 8], 2);
    const settings: AugmentSettings = { ...UNVARIED, flip: ['x', 'y', 'z'], rotateDegrees: 40, scale: [0.7, 1.5] };
    const size: Xyz = [6, 5, 4];
    for (let seed = 0; seed < 12; seed++) {
      const start: Xyz = [(seed % 7) - 1, (seed % 5) - 1, (seed % 6) - 1];
      const augmentation = drawAugmentation(settings, { patchSize: size, spacingMm: [1, 2, 0.5] }, random(seed));
      const { image, label } = cut(source, { start, size }, augmentation);
      const matrix = augmentation.matrix ?? [];
      let i = 0;
      for (let z = 0; z < size[2]; z++) {
        for (let y = 0; y < size[1]; y++) {
          for (let x = 0; x < size[0]; x++, i++) {
            const offset = [x, y, z].map((p, axis) => (p - (size[axis]! - 1) / 2) * (augmentation.flip[axis] ? -1 : 1));
            const position = [0, 1, 2].map(
              row =>
                start[row]! + (size[row]! - 1) / 2 + offset.reduce((sum, p, k) => sum + matrix[row * 3 + k]! * p, 0),
            );
            expect(image[i]).toBeCloseTo(interpolate(source, 0, position), 5);
            expect(image[120 + i]).toBeCloseTo(interpolate(source, 1, position), 5);
            const nearest = position.map(Math.round);
            const inside = nearest.every((p, axis) => p >= 0 && p < source.sizeVoxels[axis]!);
            const [nx = 0, ny = 0, nz = 0] = nearest;
            expect(label[i]).toBe(inside ? source.label[(nz * 9 + ny) * 11 + nx] : 0);
          }
        }
      }
    }
  });

  test('a deformation of equal displacements moves the patch, and joins a turn in one resampling', () => {
    const source = sourceOf([12, 11, 10]);
    const size: Xyz = [5, 4, 3];
    const points: Xyz = [5, 5, 5];
    const filled = (value: number) => new Float32Array(125).fill(value);
    const deformation: Deformation = {
      stepVoxels: [3, 3, 3],
      points,
      displacement: [filled(1), filled(-2), filled(3)],
      reachVoxels: [1, 2, 3],
    };
    const moved = cut(source, { start: [3, 4, 2], size }, { ...NO_AUGMENTATION, deformation });
    const expected = cut(source, { start: [4, 2, 5], size }, NO_AUGMENTATION);
    expect(moved.label).toEqual(expected.label);
    expected.image.forEach((value, i) => {
      expect(moved.image[i]).toBeCloseTo(value, 5);
    });
    const { matrix } = QUARTER_TURN;
    const turned = cut(source, { start: [3, 4, 2], size: [4, 4, 2] }, { ...QUARTER_TURN, deformation });
    const turnedThere = cut(source, { start: [4, 2, 5], size: [4, 4, 2] }, { ...NO_AUGMENTATION, matrix });
    expect(turned.label).toEqual(turnedThere.label);
  });

  test('a turned patch shows what lies beside it, not padding', () => {
    const source = { ...sourceOf([40, 40, 40]), image: new Float32Array(64000).fill(0.5) };
    const matrix = drawAugmentation(
      { ...UNVARIED, rotateDegrees: 45 },
      { patchSize: [12, 12, 12], spacingMm: ISOTROPIC },
      random(3),
    ).matrix;
    const { image } = cut(source, { start: [14, 14, 14], size: [12, 12, 12] }, { ...NO_AUGMENTATION, matrix }, 'none');
    expect(image.every(value => value === 0.5)).toBe(true);
  });

  test('reflect mirrors image and label together', () => {
    const source = sourceOf([3, 1, 1]);
    const { image, label } = cut(source, { start: [-2, 0, 0], size: [7, 1, 1] }, NO_AUGMENTATION, 'reflect');
    const order = [2, 1, 0, 1, 2, 1, 0];
    expect([...image]).toEqual(order.map(i => source.image[i]));
    expect([...label]).toEqual(order.map(i => source.label[i]));
  });
});
