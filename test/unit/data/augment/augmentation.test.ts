import { describe, expect, test } from 'vitest';
import { random } from '../../../../src/core/random.ts';
import {
  type Augmentation,
  type AugmentSettings,
  drawAugmentation,
  leftOutOfPlane,
  NO_AUGMENTATION,
  UNVARIED,
} from '../../../../src/data/augment/augmentation.ts';
import type { Xyz } from '../../../../src/volume/volume.ts';

const PATCH = { patchSize: [8, 8, 8], spacingMm: [1, 1, 1] } as const;

describe('drawAugmentation', () => {
  test('settings that change nothing draw nothing to do', () => {
    expect(drawAugmentation(UNVARIED, PATCH, random(1))).toEqual({ ...NO_AUGMENTATION, brightness: expect.closeTo(0) });
  });

  test('the same key draws the same, and switching one part off leaves the others', () => {
    const all: AugmentSettings = {
      ...UNVARIED,
      flip: ['x', 'y', 'z'],
      elasticMm: 5,
      blurVoxels: 1,
      lowResolution: 0.5,
      rotateDegrees: 15,
      scale: [0.8, 1.25],
      noise: 0.1,
      gamma: [0.7, 1.5],
      brightness: 0.2,
      contrast: [0.75, 1.25],
    };
    const drawn = drawAugmentation(all, PATCH, random(5));
    expect(drawAugmentation(all, PATCH, random(5))).toEqual(drawn);
    const partly = drawAugmentation({ ...all, flip: [], rotateDegrees: 0, noise: 0, elasticMm: 0 }, PATCH, random(5));
    const { flip: _f, matrix: _m, deformation: _d, noise: _n, ...kept } = drawn;
    expect(partly).toMatchObject({ ...kept, noise: 0, deformation: undefined });
  });

  test('values stay in their ranges and fill them', () => {
    const settings: AugmentSettings = {
      ...UNVARIED,
      flip: ['y'],
      noise: 0.1,
      gamma: [0.5, 2],
      brightness: 0.2,
      contrast: [0.5, 1],
    };
    const drawn = Array.from({ length: 400 }, (_, seed) => drawAugmentation(settings, PATCH, random(seed)));
    const extent = (pick: (one: Augmentation) => number): number[] => {
      const values = drawn.map(pick);
      return [Math.min(...values), Math.max(...values)];
    };
    const close = ([low = 0, high = 0]: number[], [expectedLow = 0, expectedHigh = 0]: number[]) => {
      expect(low).toBeGreaterThanOrEqual(expectedLow);
      expect(high).toBeLessThanOrEqual(expectedHigh);
      expect(high - low).toBeGreaterThan(0.9 * (expectedHigh - expectedLow));
    };
    close(
      extent(one => one.noise),
      [0, 0.1],
    );
    close(
      extent(one => one.brightness),
      [-0.2, 0.2],
    );
    close(
      extent(one => one.contrast),
      [0.5, 1],
    );
    close(
      extent(one => one.gamma),
      [0.5, 2],
    );
    expect(drawn.some(({ flip }) => flip[0] || flip[2])).toBe(false);
    const mirrored = drawn.filter(({ flip }) => flip[1]).length;
    expect(Math.abs(mirrored - 200)).toBeLessThan(60);
  });

  test('a plane is neither turned nor deformed out of itself, whatever the recipe says', () => {
    const settings: AugmentSettings = { ...UNVARIED, rotateDegrees: 30, scale: [0.8, 1.25], elasticMm: 4 };
    for (const flat of [0, 1, 2] as const) {
      const patchSize = [9, 9, 9].with(flat, 1) as [number, number, number];
      const { matrix = [], deformation } = drawAugmentation(settings, { patchSize, spacingMm: [1, 1, 1] }, random(3));
      const [a, b] = [0, 1, 2].filter(axis => axis !== flat) as [number, number];
      // in the plane it turns; steps within the plane never leave it
      expect(Math.abs(matrix[a * 3 + b]!)).toBeGreaterThan(0.01);
      expect([matrix[flat * 3 + a], matrix[flat * 3 + b]].map(value => Math.abs(value!))).toEqual([0, 0]);
      expect(deformation?.displacement[flat]?.every(value => value === 0)).toBe(true);
      expect(deformation?.displacement[a]?.some(value => value !== 0)).toBe(true);
    }
  });

  test('says what a plane does without', () => {
    const settings: AugmentSettings = { ...UNVARIED, rotateDegrees: 15, elasticMm: 4 };
    expect(leftOutOfPlane(settings, [64, 64, 1])).toBe(
      'patches have one voxel along z, so rotation about x and y and deformation along z are left out',
    );
    expect(leftOutOfPlane({ ...settings, rotateDegrees: [0, 0, 15], elasticMm: 0 }, [64, 64, 1])).toBeUndefined();
    expect(leftOutOfPlane(settings, [64, 64, 2])).toBeUndefined();
  });

  test('the matrix is a rotation in millimetres, divided by the zoom', () => {
    const spacing: Xyz = [1, 2, 0.5];
    const settings = { ...UNVARIED, rotateDegrees: 30, scale: [1.6, 1.6] as const };
    const { matrix = [] } = drawAugmentation(settings, { ...PATCH, spacingMm: spacing }, random(9));
    const inMm = matrix.map((value, i) => (value * 1.6 * spacing[Math.floor(i / 3)]!) / spacing[i % 3]!);
    for (let a = 0; a < 3; a++) {
      for (let b = 0; b < 3; b++) {
        const dot = [0, 1, 2].reduce((sum, k) => sum + inMm[a * 3 + k]! * inMm[b * 3 + k]!, 0);
        expect(dot).toBeCloseTo(a === b ? 1 : 0, 9);
      }
    }
    expect(inMm[0]).toBeGreaterThan(Math.cos((60 * Math.PI) / 180));
    expect(matrix[1]).not.toBe(0);
  });

  test('rotations may be limited for each axis by itself', () => {
    const settings: AugmentSettings = { ...UNVARIED, rotateDegrees: [0, 0, 90] };
    const { matrix = [] } = drawAugmentation(settings, PATCH, random(2));
    expect(matrix[8]).toBeCloseTo(1, 12);
    expect([2, 5, 6, 7].map(i => matrix[i])).toEqual([0, 0, 0, 0].map(() => expect.closeTo(0, 12)));
    expect(Math.abs(matrix[1] ?? 0)).toBeGreaterThan(0.01);
  });

  test('a part happens as often as its probability says, whatever the others do', () => {
    const settings: AugmentSettings = {
      ...UNVARIED,
      noise: 0.1,
      rotateDegrees: 10,
      elasticMm: 3,
      lowResolution: 0.5,
      probability: { ...UNVARIED.probability, noise: 0.25, rotate: 0, elastic: 0.5 },
    };
    const drawn = Array.from({ length: 1000 }, (_, seed) => drawAugmentation(settings, PATCH, random(seed)));
    const share = (happened: (one: Augmentation) => boolean): number => drawn.filter(happened).length / 1000;
    // four standard deviations of a share of 1000 draws are at most 0.063
    expect(Math.abs(share(one => one.noise > 0) - 0.25)).toBeLessThan(0.06);
    expect(Math.abs(share(one => one.deformation !== undefined) - 0.5)).toBeLessThan(0.063);
    expect(share(one => one.matrix !== undefined)).toBe(0);
    expect(share(one => one.lowResolution < 1)).toBe(1);
    const both = share(one => one.noise > 0 && one.deformation !== undefined);
    expect(Math.abs(both - 0.125)).toBeLessThan(0.045);
  });
});
