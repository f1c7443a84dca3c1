/** Training patches that are painted of label maps, as batches have them. */
import { describe, expect, it } from 'vitest';
import { random } from '../../../../src/core/random.ts';
import { type BatchSettings, createBatchMaker, makeBatch, type TrainingCase } from '../../../../src/data/loader.ts';
import { drawPlacement } from '../../../../src/data/synthesis/placement.ts';
import type { SynthesisSettings } from '../../../../src/data/synthesis/settings.ts';
import type { Xyz } from '../../../../src/volume/volume.ts';
import { PLAIN, synthesisOf } from '../../../support/synthesis.ts';

const SIZE: Xyz = [14, 12, 10];
const VALUES = [0, 1, 2, 3, 7, 8, 9];

function mapCase(id: string, changes: Partial<SynthesisSettings> = {}, more: Partial<TrainingCase> = {}): TrainingCase {
  const numbers = random('map', id);
  return {
    id,
    image: new Float32Array(0),
    label: Uint8Array.from({ length: 14 * 12 * 10 }, () => VALUES[numbers.integer(VALUES.length)]!),
    sizeVoxels: SIZE,
    spacingMm: [1, 1, 1],
    channels: 1,
    synthesis: { settings: synthesisOf(changes), normalize: 'min-max' },
    ...more,
  };
}

const SETTINGS: BatchSettings = { seed: 3, batch: 2, patchSize: [8, 8, 8], foreground: 0.5, padding: 'constant' };

describe('a batch of painted patches', () => {
  it('is a function of seed and step, whatever ran before', () => {
    const cases = [mapCase('a'), mapCase('b')];
    const make = createBatchMaker(cases, SETTINGS);
    const steps = [4, 0, 7, 4].map(step => make(step));
    expect(steps[3]).toEqual(steps[0]);
    expect(makeBatch([mapCase('a'), mapCase('b')], SETTINGS, 7)).toEqual(steps[2]);
    expect(make(5).image).not.toEqual(steps[0]?.image);
    expect(makeBatch(cases, { ...SETTINGS, seed: 4 }, 4).image).not.toEqual(steps[0]?.image);
  });

  it('has the same samples whether its parts are one batch or several', () => {
    const cases = [mapCase('a'), mapCase('b')];
    const whole = makeBatch(cases, SETTINGS, 3);
    const parts = [6, 7].map(part => makeBatch(cases, { ...SETTINGS, batch: 1, microBatches: 2 }, part));
    expect(Float32Array.from(parts.flatMap(({ image }) => [...image]))).toEqual(whole.image);
    expect(Int32Array.from(parts.flatMap(({ label }) => [...label]))).toEqual(whole.label);
  });

  it('has labels of the classes alone, and an image in 0 to 1', () => {
    const { image, label } = makeBatch([mapCase('a')], SETTINGS, 0);
    expect(new Set(label)).toEqual(new Set([0, 1, 2]));
    expect([Math.min(...image.subarray(0, 512)), Math.max(...image.subarray(0, 512))]).toEqual([0, 1]);
  });

  it('leaves out classes that were not looked for', () => {
    const { label } = makeBatch([mapCase('a', {}, { annotated: [2] })], SETTINGS, 0);
    expect(new Set(label)).toEqual(new Set([0, 2]));
  });

  it('has the labels of the map where nothing is moved, whatever is painted', () => {
    const whole = { ...SETTINGS, batch: 1, patchSize: SIZE };
    const still = mapCase('a', { ...PLAIN, deviations: [0, 30], biasField: 0.7, gamma: 0.5, fineProbability: 0 });
    const expected = Int32Array.from(still.label, value => [0, 1, 2, 2, 0, 0, 0, 0, 0, 0][value]!);
    for (const step of [0, 1, 2]) expect(makeBatch([still], whole, step).label).toEqual(expected);
  });

  it('exchanges left and right classes where it is mirrored, and then alone', () => {
    const changes = { ...PLAIN, flip: true, classes: { left: 1, right: 2, rest: 3 }, sides: [[1, 2]] } as const;
    const one = mapCase('a', changes);
    const classes = [0, 1, 2, 3, 0, 0, 0, 0, 0, 0];
    const asIs = Int32Array.from(one.label, value => classes[value]!);
    const mirrored = asIs.map((_, i) => {
      const value = asIs[i - (i % 14) + 13 - (i % 14)]!;
      return [0, 2, 1, 3][value]!;
    });
    const found = Array.from(
      { length: 12 },
      (_, step) => makeBatch([one], { ...SETTINGS, batch: 1, patchSize: SIZE }, step).label,
    );
    const kinds = found.map(label =>
      label.every((value, i) => value === asIs[i])
        ? 'as it is'
        : label.every((value, i) => value === mirrored[i])
          ? 'mirrored'
          : 'else',
    );
    expect(new Set(kinds)).toEqual(new Set(['as it is', 'mirrored']));
  });

  it('is normalised as the recipe says', () => {
    const one = mapCase('a', {}, { synthesis: { settings: synthesisOf(), normalize: 'z-score' } });
    const image = makeBatch([one], { ...SETTINGS, batch: 1 }, 0).image;
    const mean = image.reduce((a, b) => a + b, 0) / image.length;
    expect(mean).toBeCloseTo(0, 5);
    expect(image.reduce((a, b) => a + b * b, 0) / image.length).toBeCloseTo(1, 4);
  });

  it('stands beside patches of cases with images, which do not change', () => {
    const [numbers, plain] = [random('image'), mapCase('b')];
    const { synthesis: _, ...imaged } = {
      ...plain,
      image: Float32Array.from({ length: 14 * 12 * 10 }, () => numbers.uniform()),
      label: plain.label.map(value => value % 3),
    };
    const mixed = Array.from({ length: 6 }, (_, step) =>
      makeBatch([mapCase('a'), imaged], { ...SETTINGS, batch: 1 }, step),
    );
    expect(new Set(mixed.flatMap(({ caseIds }) => caseIds))).toEqual(new Set(['a', 'b']));
    for (const { caseIds, image } of mixed) {
      if (caseIds[0] === 'b') for (const value of image) expect(imaged.image).toContain(value);
    }
  });
});

describe('where a patch comes from', () => {
  const patch = { patchSize: [32, 32, 32], spacingMm: [1, 1, 2] } as const;

  it('is drawn within its ranges and turned about all axes', () => {
    const settings = synthesisOf({ shear: 0, elasticMm: 0 });
    for (let i = 0; i < 200; i++) {
      const { matrix = [], flip } = drawPlacement(settings, patch, random('place', i));
      expect(flip.slice(1)).toEqual([false, false]);
      // in millimetres: a rotation times a zoom, so the length of a column is the zoom of its axis
      const mm = matrix.map((value, k) => (value * patch.spacingMm[Math.floor(k / 3)]!) / patch.spacingMm[k % 3]!);
      for (const column of [0, 1, 2]) {
        const zoom = Math.hypot(mm[column]!, mm[3 + column]!, mm[6 + column]!);
        expect(zoom).toBeGreaterThanOrEqual(0.8 - 1e-9);
        expect(zoom).toBeLessThanOrEqual(1.2 + 1e-9);
      }
    }
  });

  it('never folds: no displacement exceeds 0.4 of the distance of its points', () => {
    const settings = synthesisOf({ elasticMm: 40 });
    for (let i = 0; i < 20; i++) {
      const { deformation } = drawPlacement(settings, patch, random('fold', i));
      const most = deformation!.reachVoxels.map((reach, axis) => reach * patch.spacingMm[axis]!);
      expect(Math.max(...most)).toBeLessThanOrEqual(10 + 1e-6);
    }
  });

  it('stays within a plane', () => {
    const { matrix, deformation } = drawPlacement(
      synthesisOf(),
      { patchSize: [16, 16, 1], spacingMm: [1, 1, 1] },
      random('plane'),
    );
    expect([matrix![2], matrix![5], matrix![6], matrix![7], matrix![8]]).toEqual([0, 0, 0, 0, 1]);
    expect(matrix![1]).not.toBe(0);
    expect(deformation!.reachVoxels[2]).toBe(0);
    expect(deformation!.reachVoxels[0]).toBeGreaterThan(0);
  });
});
