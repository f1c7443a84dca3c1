/**
 * A case in another normalisation, by the numbers that were noted when it was read, is the case as read with that
 * normalisation.
 */
import { beforeAll, describe, expect, it } from 'vitest';
import type { ImageNormalization } from '../../../src/data/normalize.ts';
import { writePhantomDataset } from '../../../src/data/phantom.ts';
import { prepareData } from '../../../src/experiment/prepare.ts';
import { parseRecipe } from '../../../src/recipe/parse.ts';
import {
  inNnunetNormalization,
  inNormalization,
  nnunetObstacle,
  normalizationRelation,
} from '../../../src/teacher/view.ts';
import { decodeNifti, encodeNiftiImage } from '../../../src/volume/nifti.ts';
import { createLaboratory, functionEngine, thresholdModel } from '../../support/laboratory.ts';
import { memoryFiles } from '../../support/memory-files.ts';
import { tinyRecipe } from '../../support/tiny-recipe.ts';

const files = memoryFiles();
const laboratory = createLaboratory(functionEngine(thresholdModel), files);

const METHODS = ['min-max', 'z-score', 'none'] as const;
type Method = (typeof METHODS)[number];

const prepare = (method: Method) =>
  prepareData(
    laboratory,
    parseRecipe(tinyRecipe('data'), {
      path: 'recipe.yaml',
      overrides: [`preprocess.normalize=${method}`, 'preprocess.spacingMm=[1, 1.2, 1]'],
    }),
  );
/** The data set as a recipe with each of the methods reads it. */
let read: Readonly<Record<Method, Awaited<ReturnType<typeof prepare>>>>;
beforeAll(async () => {
  await writePhantomDataset(files, 'data', { seed: 5, cases: 5 });
  read = { 'min-max': await prepare('min-max'), 'z-score': await prepare('z-score'), none: await prepare('none') };
});
const relation = (from: ImageNormalization, to: ImageNormalization, channels: number) =>
  normalizationRelation({ normalize: from }, { normalize: to }, channels);

describe('a case in another normalisation', () => {
  it.each(METHODS.flatMap(from => METHODS.map(to => [from, to] as const)))('from %s to %s', (from, to) => {
    const [source, target] = [read[from], read[to]];
    source.train.forEach(({ id, image }, index) => {
      const mapped = inNormalization(image, [source.intensities.get(id)!], {
        from: { normalize: from },
        to: { normalize: to },
      });
      const expected = target.train[index]!.image;
      const scale = Math.max(...expected.map(Math.abs));
      let largest = 0;
      expected.forEach((value, voxel) => {
        largest = Math.max(largest, Math.abs(value - mapped[voxel]!));
      });
      expect(largest / scale).toBeLessThan(1e-5);
    });
  });

  it('is the image itself where both are the same', () => {
    const image = Float32Array.of(1, 2);
    const raw = [[{ minimum: 0, maximum: 4, mean: 2, deviation: 1 }]];
    expect(inNormalization(image, raw, { from: { normalize: ['percentile'] }, to: { normalize: 'percentile' } })).toBe(
      image,
    );
  });

  it('is mapped from the crop of one side to that of the other, by the numbers of both', () => {
    const whole = { minimum: -2, maximum: 10, mean: 3, deviation: 5 };
    const cases = [[{ ...whole, inBox: { minimum: 0, maximum: 8, mean: 6, deviation: 2 } }]];
    const raw = Float32Array.of(4, 8, 0, 7);
    const inBox = raw.map(value => (value - 6) / 2);
    const from = { normalize: 'z-score', crop: 'nonzero' } as const;
    const mapped = inNormalization(inBox, cases, { from, to: { normalize: 'z-score' } });
    mapped.forEach((value, index) => {
      expect(value).toBeCloseTo((raw[index]! - 3) / 5, 5);
    });
    const back = inNormalization(mapped, cases, { from: { normalize: 'z-score', crop: 'none' }, to: from });
    back.forEach((value, index) => {
      expect(value).toBeCloseTo(inBox[index]!, 5);
    });
    // nnU-Net counts over the box, as the recipe does then
    expect(inNnunetNormalization(inBox, cases, { from, to: ['z-score'] })).toEqual(inBox);
  });

  it.each([
    ['percentile', 'unrelated'],
    ['min-max', 'affine'],
    ['z-score', 'affine'],
    ['z-score-nonzero', 'same'],
    ['none', 'same'],
  ] as const)('with %s is %s where one side crops', (normalize, expected) => {
    const cropped = { normalize, crop: 'nonzero' } as const;
    expect(normalizationRelation(cropped, { normalize }, 1)).toBe(expected);
    expect(normalizationRelation({ normalize, crop: 'none' }, { normalize }, 1)).toBe('same');
    expect(normalizationRelation(cropped, cropped, 1)).toBe('same');
  });

  it('cannot be had where one side clips or leaves zeros out', () => {
    const ct = { ct: { low: 0, high: 1, mean: 0, deviation: 1 } };
    expect(relation('min-max', 'z-score', 2)).toBe('affine');
    expect(relation(['min-max', ct], ['z-score', ct], 2)).toBe('affine');
    for (const clipping of ['percentile', 'z-score-nonzero', ct] as const) {
      expect(relation('min-max', clipping, 1)).toBe('unrelated');
      expect(relation(clipping, 'none', 1)).toBe('unrelated');
    }
  });
});

describe('a patch as a network of nnU-Net sees it', () => {
  const flat = { minimum: 0, maximum: 9, mean: 3, deviation: 2 };
  const of = (channel: number) => ({ channel, cases: new Map([['whole', [flat, flat]]]) });
  const raw = Float32Array.of(4, 10, -2, 7);
  const whole = { minimum: -2, maximum: 10, mean: 3, deviation: 5 };
  const cases = [[{ ...whole, inBox: { minimum: 0, maximum: 8, mean: 6, deviation: 2 } }]];

  it('has the mean, deviation and range of the box around what is not zero', () => {
    const zScore = raw.map(value => (value - 3) / 5);
    const mapped = inNnunetNormalization(zScore, cases, { from: { normalize: ['z-score'] }, to: ['z-score'] });
    mapped.forEach((value, index) => {
      expect(value).toBeCloseTo((raw[index]! - 6) / 2, 5);
    });
    const range = inNnunetNormalization(raw, cases, { from: { normalize: 'none' }, to: ['min-max'] });
    range.forEach((value, index) => {
      expect(value).toBeCloseTo(raw[index]! / 8, 5);
    });
  });

  it('stays as it is where both clip alike, and cannot be had from what clips otherwise', () => {
    const ct = { ct: { low: 0, high: 5, mean: 1, deviation: 2 } };
    expect(inNnunetNormalization(raw, cases, { from: { normalize: ct }, to: [ct] })).toEqual(raw);
    expect(nnunetObstacle(ct, ct, of(0))).toBeUndefined();
    expect(nnunetObstacle(['none', 'min-max'], 'z-score', of(1))).toBeUndefined();
    expect(nnunetObstacle('percentile', 'z-score', of(0))).toMatch(/needs intensities normalised by "z-score"/);
    expect(nnunetObstacle('z-score', ct, of(0))).toMatch(/set preprocess\.normalize to \{"ct"/);
    expect(nnunetObstacle('z-score', 'z-score-inside', of(0))).toMatch(
      /use_mask_for_norm.*by "z-score"; set preprocess\.normalize to z-score-nonzero/,
    );
  });

  it('is that of the body alone where the recipe leaves out zeros and no voxel of the body is 0', () => {
    expect(nnunetObstacle('z-score-nonzero', 'z-score-inside', of(0))).toBeUndefined();
    const holed = { ...flat, hasHoles: true } as const;
    const cases = new Map([
      ['whole', [flat, holed]],
      ['holed', [holed, flat]],
    ]);
    expect(nnunetObstacle('z-score-nonzero', 'z-score-inside', { channel: 0, cases })).toMatch(
      /use_mask_for_norm\), and channel 0 is 0 inside of it in holed/,
    );
    // nothing is changed then
    const image = Float32Array.of(0, 1.5, -1.5, 0);
    expect([
      ...inNnunetNormalization(image, [[flat]], { from: { normalize: 'z-score-nonzero' }, to: ['z-score-inside'] }),
    ]).toEqual([...image]);
  });

  it.each([
    ['with a hole', true],
    ['without', undefined],
  ] as const)('knows of a case %s whether the body has voxels of 0', async (_, expected) => {
    const own = memoryFiles();
    await writePhantomDataset(own, 'data', { seed: 5, cases: 3 });
    for (const path of [...own.contents.keys()].filter(one => one.startsWith('data/imagesTr/'))) {
      const { volume, header } = decodeNifti(await own.read(path), { path });
      const [width, height, depth] = volume.sizeVoxels;
      const inside = (at: number, length: number, margin: number) => at >= margin && at < length - margin;
      const data = volume.data.map((_, index) => {
        const [x, y, z] = [index % width, Math.floor(index / width) % height, Math.floor(index / (width * height))];
        const isBody = inside(x, width, 2) && inside(y, height, 2) && inside(z, depth, 2);
        const isHole = expected === true && x === 6 && y === 6 && z === 6;
        return isBody && !isHole ? 10 + ((x * y + z) % 5) : 0;
      });
      await own.write(path, encodeNiftiImage({ ...volume, data }, header));
    }
    const { intensities } = await prepareData(
      createLaboratory(functionEngine(thresholdModel), own),
      parseRecipe(tinyRecipe('data'), { path: 'r', overrides: ['teacher={ onnx: a.onnx }'] }),
    );
    expect([...intensities.values()].map(([first]) => first!.hasHoles)).toEqual([expected]);
  });
});
