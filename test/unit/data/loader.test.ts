import { describe, expect, test } from 'vitest';
import { random } from '../../../src/core/random.ts';
import { UNVARIED } from '../../../src/data/augment/augmentation.ts';
import {
  type Batch,
  type BatchSettings,
  type BatchSource,
  createBatchMaker,
  createBatchSource,
  makeBatch,
  type TrainingCase,
  withUnlabelled,
} from '../../../src/data/loader.ts';
import type { Xyz } from '../../../src/volume/volume.ts';

function caseOf(index: number, sizeVoxels: Xyz, channels = 1): TrainingCase {
  const voxels = sizeVoxels[0] * sizeVoxels[1] * sizeVoxels[2];
  const numbers = random('case', index);
  return {
    id: `case_${index}`,
    image: Float32Array.from({ length: voxels * channels }, () => numbers.uniform()),
    label: Uint8Array.from({ length: voxels }, (_, i) => (i % 5 === 0 ? 1 + (i % 2) : 0)),
    sizeVoxels,
    spacingMm: [1, 1.5, 0.8],
    channels,
  };
}

const CASES = Array.from({ length: 5 }, (_, i) => caseOf(i, [8 + i, 7, 9], 2));
const SETTINGS: BatchSettings = {
  seed: 3,
  batch: 2,
  patchSize: [6, 4, 5],
  foreground: 0.5,
  padding: 'constant',
  augment: {
    ...UNVARIED,
    flip: ['x'],
    elasticMm: 0.5,
    elasticSpacingMm: 3,
    blurVoxels: 1,
    lowResolution: 0.5,
    probability: { ...UNVARIED.probability, blur: 0.5, elastic: 0.5 },
    rotateDegrees: 10,
    scale: [0.9, 1.1],
    noise: 0.05,
    gamma: [0.8, 1.25],
    brightness: 0.1,
    contrast: [0.9, 1.1],
  },
};

describe('makeBatch', () => {
  test('comes again after the steps that have patches of their own, with all parts of a step', () => {
    const settings = { ...SETTINGS, repeatAfter: 3, microBatches: 2 };
    const make = createBatchMaker(CASES, settings);
    for (const position of [0, 4, 5]) {
      expect(make(position)).toEqual(makeBatch(CASES, { ...SETTINGS, microBatches: 2 }, position));
      expect(make(position + 6)).toEqual(make(position));
      expect(make(position + 6).image).not.toEqual(
        makeBatch(CASES, { ...settings, repeatAfter: null }, position + 6).image,
      );
    }
  });

  test('gives [N, C, D, H, W] images and [N, 1, D, H, W] labels of finite numbers', () => {
    const { image, label, caseIds } = makeBatch(CASES, SETTINGS, 0);
    expect([image.length, label.length, caseIds.length]).toEqual([2 * 2 * 120, 2 * 120, 2]);
    expect(image.every(Number.isFinite)).toBe(true);
    expect(label.every(value => [0, 1, 2].includes(value))).toBe(true);
  });

  test('is the same for the same seed and step, whatever ran before', () => {
    const fresh = makeBatch(
      CASES.map(one => ({ ...one })),
      SETTINGS,
      7,
    );
    for (let step = 0; step < 7; step++) makeBatch(CASES, SETTINGS, step);
    expect(makeBatch(CASES, SETTINGS, 7)).toEqual(fresh);
    expect(makeBatch(CASES, SETTINGS, 8).image).not.toEqual(fresh.image);
    expect(makeBatch(CASES, { ...SETTINGS, seed: 4 }, 7).image).not.toEqual(fresh.image);
  });

  test('gives the same in memory that other batches have used, and leaves batches alone', () => {
    const wide = caseOf(6, [9, 8, 9], 2);
    const cases = [...CASES, { ...wide, label: Uint16Array.from(wide.label) }];
    for (const padding of ['constant', 'reflect'] as const) {
      const make = createBatchMaker(cases, { ...SETTINGS, padding });
      const steps = [0, 5, 1, 4, 9, 2, 7, 3];
      const made = steps.map(step => make(step));
      expect(made).toEqual(steps.map(step => makeBatch(cases, { ...SETTINGS, padding }, step)));
    }
  });

  test('allocates little besides the batches, so that a thread leaves no garbage lying', () => {
    const [only] = [caseOf(1, [40, 40, 40])];
    const settings = {
      ...SETTINGS,
      batch: 1,
      patchSize: [30, 30, 30] as const,
      augment: { ...UNVARIED, rotateDegrees: 20 },
    };
    const make = createBatchMaker([only], settings);
    const lengths: number[] = [];
    const seen = (name: 'Float32Array' | 'Uint8Array') => {
      const Original = globalThis[name];
      const counting = new Proxy(Original, {
        construct: (target, args, newTarget) => {
          if (typeof args[0] === 'number') lengths.push(args[0]);
          return Reflect.construct(target, args, newTarget) as object;
        },
      });
      globalThis[name] = counting as never;
      return () => {
        globalThis[name] = Original as never;
      };
    };
    for (let step = 0; step < 20; step++) make(step);
    const restore = (['Float32Array', 'Uint8Array'] as const).map(seen);
    for (let step = 0; step < 20; step++) make(step);
    for (const one of restore) one();
    // the image of each batch; at most a box or two that is larger than all before
    expect(lengths.filter(length => length === 27_000)).toHaveLength(20);
    expect(lengths.filter(length => length > 27_000).length).toBeLessThan(4);
  });

  test('is a part of a larger batch, patch for patch, where several micro-batches are one step', () => {
    const large = { ...SETTINGS, batch: 3 * SETTINGS.batch };
    const small = { ...SETTINGS, microBatches: 3 };
    for (const step of [0, 2]) {
      const parts = [0, 1, 2].map(part => makeBatch(CASES, small, 3 * step + part));
      const whole = makeBatch(CASES, large, step);
      expect(parts.flatMap(({ image }) => [...image])).toEqual([...whole.image]);
      expect(parts.flatMap(({ label }) => [...label])).toEqual([...whole.label]);
      expect(parts.flatMap(({ caseIds }) => caseIds)).toEqual(whole.caseIds);
      expect(parts[0]!.epoch).toBe(whole.epoch);
    }
  });

  test('does not change the cases', () => {
    const before = structuredClone(CASES);
    makeBatch(CASES, SETTINGS, 1);
    expect(CASES).toEqual(before);
  });

  test('every epoch shows every case once, in an order of its own, also where a batch spans two epochs', () => {
    const sequence = Array.from({ length: 20 }, (_, step) => makeBatch(CASES, SETTINGS, step).caseIds).flat();
    const epochs = Array.from({ length: 8 }, (_, epoch) => sequence.slice(epoch * 5, epoch * 5 + 5));
    for (const epoch of epochs) expect([...epoch].sort()).toEqual(CASES.map(({ id }) => id));
    expect(new Set(epochs.map(epoch => epoch.join())).size).toBeGreaterThan(4);
    expect([0, 1, 2, 3, 4, 5].map(step => makeBatch(CASES, SETTINGS, step).epoch)).toEqual([0, 0, 0, 1, 1, 2]);
  });

  test('a case comes as often as its weight says, rounded up or down in an epoch and exact over many', () => {
    const weights = [0, 0.5, 1, 1, 3];
    const weighted = CASES.map((one, index) => ({ ...one, weight: weights[index]! }));
    const plain = { ...SETTINGS, batch: 5, patchSize: [1, 1, 1] as const, augment: UNVARIED };
    const epochs = Array.from({ length: 110 }, (_, epoch) => makeBatch(weighted, plain, epoch).caseIds);
    weights.forEach((weight, index) => {
      const expected = (5 * weight) / 5.5;
      const counts = epochs.map(ids => ids.filter(id => id === `case_${index}`).length);
      for (const count of counts) expect([Math.floor(expected), Math.ceil(expected)]).toContain(count);
      const mean = counts.reduce((sum, count) => sum + count, 0) / epochs.length;
      // four standard deviations of a mean of 110 draws that are rounded up or down
      expect(Math.abs(mean - expected)).toBeLessThan(0.2);
    });
    expect(epochs.every(ids => ids.length === 5)).toBe(true);
    const alike = CASES.map(one => ({ ...one, weight: 2 }));
    expect(makeBatch(alike, SETTINGS, 3)).toEqual(makeBatch(CASES, SETTINGS, 3));
  });

  test('the batch size does not change which cases come', () => {
    const one = Array.from({ length: 10 }, (_, step) => makeBatch(CASES, { ...SETTINGS, batch: 1 }, step).caseIds);
    const five = Array.from({ length: 2 }, (_, step) => makeBatch(CASES, { ...SETTINGS, batch: 5 }, step).caseIds);
    expect(five.flat()).toEqual(one.flat());
  });

  test('without augmentation a patch is a piece of its case: W is x, H is y, D is z', () => {
    const [only] = CASES;
    const { augment: _, ...plain } = SETTINGS;
    const { image, label } = makeBatch([only!], { ...plain, batch: 1 }, 2);
    const { image: whole, label: wholeLabel, sizeVoxels } = only!;
    const [width, height, depth] = sizeVoxels;
    const first = whole.indexOf(image[0]!);
    const [x, y, z] = [first % width, Math.floor(first / width) % height, Math.floor(first / (width * height))];
    for (let c = 0; c < 2; c++)
      for (let d = 0; d < 5; d++)
        for (let h = 0; h < 4; h++)
          for (let w = 0; w < 6; w++) {
            const from = ((c * depth + z + d) * height + y + h) * width + x + w;
            expect(image[((c * 5 + d) * 4 + h) * 6 + w]).toBe(whole[from]);
            if (c === 0) expect(label[(d * 4 + h) * 6 + w]).toBe(wholeLabel[from]);
          }
  });

  test('samples and channels vary independently', () => {
    const flat = { ...caseOf(0, [6, 4, 5], 2), image: new Float32Array(240).fill(0.5) };
    const settings = {
      ...SETTINGS,
      augment: { ...SETTINGS.augment!, rotateDegrees: 0, scale: [1, 1] as const, elasticMm: 0 },
    };
    const { image } = makeBatch([flat], settings, 0);
    const parts = [0, 1, 2, 3].map(part => image.slice(part * 120, (part + 1) * 120).join());
    expect(new Set(parts).size).toBe(4);
  });

  test('pads an image with the smallest value of its channel and a label with 0', () => {
    const small = caseOf(1, [4, 4, 4], 2);
    small.image.set([-3], 5);
    small.image.set([-8], 64 + 9);
    const { augment: _, ...plain } = SETTINGS;
    const { image, label } = makeBatch([small], { ...plain, batch: 1, patchSize: [8, 8, 8] }, 0);
    expect([image[0], image[512], label[0]]).toEqual([-3, -8, 0]);
    expect(image[(2 * 8 + 2) * 8 + 2]).toBe(small.image[0]);
  });

  test('refuses no cases, patches that do not fit, and cases with other channels', () => {
    expect(() => makeBatch([], SETTINGS, 0)).toThrow(expect.objectContaining({ code: 'E_NO_CASES' }));
    expect(() => makeBatch(CASES, { ...SETTINGS, patchSize: [10, 4, 5], padding: 'none' }, 0)).toThrow(
      expect.objectContaining({ code: 'E_PATCH_TOO_LARGE', message: expect.stringContaining('case_0') }),
    );
    expect(() => makeBatch([...CASES, caseOf(9, [8, 8, 8])], SETTINGS, 0)).toThrow(/channels/);
    expect(() => makeBatch([{ ...CASES[0]!, label: new Uint8Array(3) }], SETTINGS, 0)).toThrow(/labels/);
  });
});

describe('createBatchSource', () => {
  test('gives the batches of makeBatch, in any order', async () => {
    const source = createBatchSource(CASES, SETTINGS);
    const batches = await Promise.all([4, 0, 2].map(step => source.next(step)));
    expect(batches).toEqual([4, 0, 2].map(step => makeBatch(CASES, SETTINGS, step)));
    await source.close();
  });

  test('refuses a patch that does not fit before the first batch', () => {
    expect(() => createBatchSource(CASES, { ...SETTINGS, patchSize: [17, 4, 4] })).toThrow(/case_0/);
  });
});

describe('withUnlabelled', () => {
  const batchOf = (image: readonly number[], label: readonly number[], ids: readonly string[]): Batch => ({
    image: Float32Array.from(image),
    label: Int32Array.from(label),
    caseIds: ids,
    epoch: 3,
  });
  const sourceOf = (batch: Batch): BatchSource => ({ next: async () => batch, close: async () => {} });

  test('puts the unlabelled samples behind the labelled ones, and keeps none of their labels', async () => {
    const labelled = batchOf([1, 2, 3, 4], [1, 0, 2, 0], ['a', 'b']);
    const unlabelled = { ...batchOf([7, 8], [5, 5], ['u']), epoch: 9 };
    const both = await withUnlabelled(sourceOf(labelled), sourceOf(unlabelled)).next(0);
    expect(both).toEqual(batchOf([1, 2, 3, 4, 7, 8], [1, 0, 2, 0], ['a', 'b', 'u']));
  });
});
