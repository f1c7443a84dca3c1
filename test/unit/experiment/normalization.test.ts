/** Normalisation of an experiment: what is measured on which cases, and what is done to which. */
import { describe, expect, it } from 'vitest';
import { prepareData } from '../../../src/experiment/prepare.ts';
import { parseRecipe } from '../../../src/recipe/parse.ts';
import { createNiftiHeader, encodeNiftiImage, encodeNiftiLabels } from '../../../src/volume/nifti.ts';
import { SMALL_CUBE } from '../../support/grids.ts';
import { createLaboratory, functionEngine } from '../../support/laboratory.ts';
import { memoryFiles } from '../../support/memory-files.ts';

const HEADER = createNiftiHeader(SMALL_CUBE);
const VOXELS = 64;

/** A case whose foreground is its first half, with intensities from `start` upwards in both channels. */
const STARTS = { a: 0, b: 32, c: 9000, d: -9000 } as const;

function twoChannelFiles() {
  const files = memoryFiles({
    'd/dataset.json': JSON.stringify({
      channel_names: { 0: 'CT', 1: 'PET' },
      labels: { background: 0, organ: 1 },
      file_ending: '.nii',
    }),
    's.json': JSON.stringify({ train: ['a', 'b'], val: ['c'], test: ['d'] }),
  });
  for (const [id, start] of Object.entries(STARTS)) {
    const data = Float32Array.from({ length: VOXELS }, (_, i) => (i < VOXELS / 2 ? start + i : -1000));
    const organ = Uint8Array.from({ length: VOXELS }, (_, i) => (i < VOXELS / 2 ? 1 : 0));
    for (const channel of ['0000', '0001']) {
      files.contents.set(
        `d/imagesTr/${id}_${channel}.nii`,
        encodeNiftiImage({ ...SMALL_CUBE, data, channels: 1 }, HEADER),
      );
    }
    files.contents.set(`d/labelsTr/${id}.nii`, encodeNiftiLabels({ ...SMALL_CUBE, data: organ }, HEADER));
  }
  return files;
}

function recipeWith(normalize: string) {
  return parseRecipe(
    `data: { dataset: d, splits: { file: s.json } }
preprocess: { normalize: ${normalize} }
patch: { size: [4, 4, 4] }
teacher: { unet: { features: [2] }, train: { steps: 1, batch: 1 } }
student: { unet: { features: [2] }, train: { steps: 1, batch: 1 } }
`,
    { path: 'recipe.yaml' },
  );
}

const prepare = (normalize: string) =>
  prepareData(
    createLaboratory(
      functionEngine(input => input),
      twoChannelFiles(),
    ),
    recipeWith(normalize),
  );

describe('normalisation', () => {
  it('measures CT intensities on the foreground of the training cases alone, and normalises all cases by them', async () => {
    const { normalize, train, val } = await prepare('[ct, min-max]');
    // the foreground of a and b is 0, 1, ..., 63
    const deviation = Math.sqrt((64 ** 2 - 1) / 12);
    const ct = { low: 0.315, high: 62.685, mean: 31.5, deviation };
    expect(normalize).toEqual([
      { ct: { low: expect.closeTo(0.315, 5), high: expect.closeTo(62.685, 5), mean: 31.5, deviation } },
      'min-max',
    ]);
    expect(val[0]?.image[0]).toBeCloseTo((ct.high - ct.mean) / deviation, 5);
    expect(train[0]?.image[5]).toBeCloseTo((5 - ct.mean) / deviation, 5);
    expect(train[0]?.image[VOXELS + 31]).toBe(1);
  });

  it('takes the numbers of a recipe as they are', async () => {
    const { train } = await prepare('{ ct: { low: 0, high: 10, mean: 5, deviation: 5 } }');
    expect([...(train[1]?.image.slice(30, 34) ?? [])]).toEqual([1, 1, -1, -1]);
  });

  it('refuses ct where nothing is segmented in the training cases', async () => {
    const files = twoChannelFiles();
    const empty = encodeNiftiLabels({ ...SMALL_CUBE, data: new Uint8Array(VOXELS) }, HEADER);
    for (const id of ['a', 'b']) files.contents.set(`d/labelsTr/${id}.nii`, empty);
    const prepared = prepareData(
      createLaboratory(
        functionEngine(input => input),
        files,
      ),
      recipeWith('[min-max, ct]'),
    );
    await expect(prepared).rejects.toMatchObject({ code: 'E_INTENSITIES', message: expect.stringContaining('"PET"') });
  });

  it('refuses a list of another length than the channels', async () => {
    await expect(prepare('[min-max]')).rejects.toMatchObject({
      code: 'E_CHANNELS',
      message: expect.stringMatching(/lists 1 .*2 channel\(s\): CT, PET/),
    });
  });
});
