/** What training sees of a data set: volumes in canonical axes, on the recipe's spacing. */
import { describe, expect, it } from 'vitest';
import { type PreparedData, prepareData } from '../../../src/experiment/prepare.ts';
import { parseRecipe } from '../../../src/recipe/parse.ts';
import { type Progress, silent } from '../../../src/runtime/progress.ts';
import { createNiftiHeader, encodeNiftiImage } from '../../../src/volume/nifti.ts';
import type { Volume } from '../../../src/volume/volume.ts';
import { framedVolume } from '../../support/framed.ts';
import { createLaboratory, functionEngine, thresholdModel } from '../../support/laboratory.ts';
import { memoryFiles } from '../../support/memory-files.ts';
import { STORAGES, type Storage, storedAs } from '../../support/orientations.ts';

const AS_IT_IS: Storage = { along: [0, 1, 2], back: [false, false, false] };
const RECIPE = `
data: { dataset: d, splits: { train: 0.5, val: 0.25, test: 0.25 } }
patch: { size: [4, 4, 4] }
teacher: { unet: { features: [2, 2] }, train: { steps: 1, batch: 1 } }
student: { unet: { features: [2, 2] }, train: { steps: 1, batch: 1 } }
`;

function volumeOf(value: (index: number) => number): Volume {
  const affine = [1, 0, 0, 10, 0, 2, 0, -20, 0, 0, 0.5, 30, 0, 0, 0, 1];
  const data = Float32Array.from({ length: 6 * 5 * 4 }, (_, index) => value(index));
  return { data, sizeVoxels: [6, 5, 4], channels: 1, spacingMm: [1, 2, 0.5], affine };
}

interface Change {
  readonly image?: (volume: Volume) => Volume;
  readonly label?: (volume: Volume) => Volume;
  readonly progress?: Progress;
  /** Name of the class. */
  readonly name?: string;
}

const same = (volume: Volume): Volume => volume;

async function prepared(
  storage: Storage,
  preprocess: string,
  { image: changed = same, label: relabelled = same, progress = silent, name = 'blob' }: Change = {},
): Promise<PreparedData> {
  const ids = ['a', 'b', 'c', 'd'];
  const files = memoryFiles({
    'd/dataset.json': JSON.stringify({
      modality: { 0: 'MRI' },
      labels: { 0: 'background', 1: name },
      training: ids.map(id => ({ image: `imagesTr/${id}.nii.gz`, label: `labelsTr/${id}.nii.gz` })),
    }),
  });
  ids.forEach((id, number) => {
    const image = storedAs(changed(volumeOf(index => Math.sin(index * index + number))), storage);
    const label = storedAs(relabelled(volumeOf(index => Number(index % 7 === number))), storage);
    files.contents.set(`d/imagesTr/${id}.nii.gz`, encodeNiftiImage(image, createNiftiHeader(image)));
    files.contents.set(`d/labelsTr/${id}.nii.gz`, encodeNiftiImage(label, createNiftiHeader(label)));
  });
  const recipe = parseRecipe(`${RECIPE}preprocess: ${preprocess}\n`, { path: 'recipe.yaml' });
  return prepareData(createLaboratory(functionEngine(thresholdModel), files, progress), recipe);
}

describe('prepareData', () => {
  it('makes the same training cases of volumes along any axes, forwards and backwards', async () => {
    const preprocess = '{ spacingMm: [1, 1, 1], normalize: z-score }';
    const expected = await prepared(AS_IT_IS, preprocess);
    expect(expected.train[0]?.sizeVoxels).toEqual([6, 10, 2]);
    const of = (value: number) => ({ min: value, median: value, max: value });
    // as the files have it, before resampling and normalisation
    expect(expected.training).toMatchObject({
      cases: 2,
      sizeVoxels: [of(6), of(5), of(4)],
      spacingMm: [of(1), of(2), of(0.5)],
      classes: [{ name: 'blob', cases: 2, volumeMl: { max: 0.018 } }],
    });
    expect([...expected.images.keys()].sort()).toEqual(['a', 'b', 'c', 'd']);
    expect(new Set(expected.images.values()).size).toBe(4);
    // two of the eight directions of every order of axes, opposite ones; volume/orientation.test.ts has all 48
    const some = STORAGES.filter((_, index) => [1, 6].includes((index % 8) ^ (Math.floor(index / 8) % 4)));
    expect(some).toHaveLength(12);
    for (const storage of some) {
      const { train, val, training } = await prepared(storage, preprocess);
      expect({ train, val }).toEqual({ train: expected.train, val: expected.val });
      expect(training).toEqual(expected.training);
    }
  });

  it('refuses codes for classes that the data set does not have', async () => {
    const codes = 'labels: { codes: { blob: { value: "1", meaning: one }, blub: { value: "2", meaning: two } } }';
    await expect(prepared(AS_IT_IS, `{}\n${codes}`)).rejects.toThrow(
      /labels\.codes names blub, but the classes of d are background, blob/,
    );
  });

  it('leaves axes as they are stored where the recipe says so', async () => {
    const { train } = await prepared({ along: [2, 0, 1], back: [true, false, false] }, '{ orientation: stored }');
    expect(train[0]?.sizeVoxels).toEqual([4, 6, 5]);
  });
});

describe('a crop', () => {
  const FRAME = { before: [2, 0, 5], after: [0, 3, 1] } as const;
  const framed = {
    image: (volume: Volume) => framedVolume(volume, FRAME),
    label: (volume: Volume) => framedVolume(volume, FRAME),
  };

  it.each(['z-score', 'percentile', 'z-score-nonzero'])(
    'leaves what a case is without a frame of zeros, with %s',
    async normalize => {
      const preprocess = `{ spacingMm: [1, 1, 1], normalize: ${normalize}, crop: nonzero }`;
      const tight = await prepared(AS_IT_IS, preprocess.replace('nonzero }', 'none }'));
      const cropped = await prepared(AS_IT_IS, preprocess, framed);
      expect(cropped.train).toEqual(tight.train);
      expect(cropped.val).toEqual(tight.val);
      expect(cropped.crop).toBe('nonzero');
      // images are told apart by all of their voxels, and are as large as their boxes
      const { isCropped, ...training } = cropped.training;
      expect(isCropped).toBe(true);
      expect({ ...training, intensities: 0 }).toEqual({ ...tight.training, intensities: 0 });
      expect([...cropped.images.values()]).not.toEqual([...tight.images.values()]);
      const turned = await prepared({ along: [2, 0, 1], back: [true, false, true] }, preprocess, framed);
      expect(turned.train).toEqual(tight.train);
    },
  );

  it('is not made unless the recipe says so', async () => {
    const { train, training } = await prepared(AS_IT_IS, '{ spacingMm: null }', framed);
    expect(train[0]?.sizeVoxels).toEqual([8, 8, 10]);
    expect(training).not.toHaveProperty('isCropped');
  });

  it('says which labelled voxels it loses', async () => {
    const warnings: string[] = [];
    const progress = { ...silent, warn: (text: string) => void warnings.push(text) };
    const all = {
      image: framed.image,
      label: (volume: Volume) => {
        const label = framedVolume(volume, FRAME);
        label.data[0] = 1;
        return label;
      },
      progress,
    };
    await prepared(AS_IT_IS, '{ crop: nonzero }', all);
    const lost = warnings.filter(text => text.startsWith('W_CROP_LABELS'));
    // those of the cases that are trained on and validated
    expect(lost).toHaveLength(3);
    expect(lost[0]).toMatch(/case "\w": 1 of \d+ labelled voxels lie where the image is 0/);
    warnings.length = 0;
    await prepared(AS_IT_IS, '{ crop: none }', all);
    await prepared(AS_IT_IS, '{ crop: nonzero }', { ...framed, progress });
    expect(warnings.filter(text => text.startsWith('W_CROP_LABELS'))).toEqual([]);
  });
});

it('says where patches are mirrored onto the other side of a class', async () => {
  const warnings: string[] = [];
  const progress = { ...silent, warn: (text: string) => void warnings.push(text.split(':')[0] ?? '') };
  const flipped = '{ spacingMm: null }\naugment: { flip: [x] }';
  await prepared(AS_IT_IS, flipped, { progress });
  await prepared(AS_IT_IS, '{ spacingMm: null }', { progress, name: 'left blob' });
  await prepared(AS_IT_IS, '{ orientation: stored }\naugment: { flip: [x] }', { progress, name: 'left blob' });
  expect(warnings).not.toContain('W_MIRRORED_SIDES');
  await prepared(AS_IT_IS, flipped, { progress, name: 'left blob' });
  expect(warnings).toContain('W_MIRRORED_SIDES');
});
