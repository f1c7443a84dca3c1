/** What an nnU-Net folder says of its training cases, in the words of voxstill's own models. */
import { expect, it } from 'vitest';
import { readFingerprint } from '../../../src/import/nnunet/fingerprint.ts';
import type { ModelInfo } from '../../../src/inference/model-info.ts';
import { imageWarnings } from '../../../src/inference/plausibility/image.ts';
import type { Volume } from '../../../src/volume/volume.ts';
import { memoryFiles } from '../../support/memory-files.ts';

/** As nnU-Net 2.8.1 writes it: z, y, x. */
const WRITTEN = {
  foreground_intensity_properties_per_channel: {
    0: { max: 300, mean: 100, median: 99, min: -200, percentile_00_5: -150, percentile_99_5: 250, std: 40 },
  },
  median_relative_size_after_cropping: 0.9,
  shapes_after_crop: [
    [20, 100, 110],
    [30, 90, 120],
  ],
  spacings: [
    [5, 0.8, 0.8],
    [2.5, 0.7, 0.7],
  ],
};

const read = (content: string) => readFingerprint(memoryFiles({ 'r/dataset_fingerprint.json': content }), 'r');

it('gives sizes, spacings and intensities as x, y, z', async () => {
  const { training, notes } = await read(JSON.stringify(WRITTEN));
  expect(notes).toEqual([]);
  expect(training).toMatchObject({
    cases: 2,
    sizeVoxels: [
      { min: 110, median: 115, max: 120 },
      { min: 90, max: 100 },
      { min: 20, max: 30 },
    ],
    extentMm: [
      { min: 84, max: 88 },
      { min: 63, max: 80 },
      { min: 75, max: 100 },
    ],
    spacingMm: [
      { min: 0.7, max: 0.8 },
      { min: 0.7, max: 0.8 },
      { min: 2.5, max: 5 },
    ],
    isCropped: true,
    foreground: [{ low: -150, high: 250 }],
  });
});

it('makes a model warn of images that are far from its training cases', async () => {
  const { training } = await read(JSON.stringify(WRITTEN));
  const info = {
    labels: [{ value: 1, name: 'liver' }],
    normalize: 'none',
    nnunet: { normalize: [{ ct: { low: -150, high: 250, mean: 100, deviation: 40 } }] },
    patch: [16, 64, 64],
  } as unknown as ModelInfo;
  const scan = (spacingMm: Volume['spacingMm'], value: (index: number) => number): Volume => ({
    data: Float32Array.from({ length: 100 * 90 * 20 }, (_, index) => value(index)),
    sizeVoxels: [100, 90, 20],
    channels: 1,
    spacingMm,
    affine: [1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1],
  });
  const codes = (volume: Volume) => imageWarnings(volume, [{ info, training }], 'a').map(({ code }) => code);
  const ct = (index: number): number => ((index * 7919) % 1400) - 1000;
  expect(codes(scan([0.8, 0.8, 5], ct))).toEqual([]);
  expect(codes(scan([0.0008, 0.0008, 0.005], ct))).toEqual(['W_IMAGE_EXTENT', 'W_IMAGE_SPACING']);
  expect(codes(scan([0.8, 0.8, 5], index => 1000 + ((index * 7919) % 1400)))).toEqual(['W_IMAGE_INTENSITY']);
});

it('says nothing of millimetres where the cases are pictures', async () => {
  const planes = { ...WRITTEN, shapes_after_crop: [[1, 90, 80]], spacings: [[999, 1, 1]] };
  const { training } = await read(JSON.stringify(planes));
  expect(training).toMatchObject({ sizeVoxels: [{ min: 80 }, { min: 90 }, { min: 1 }] });
  expect([training?.extentMm, training?.spacingMm, training?.imageMl]).toEqual([undefined, undefined, undefined]);
});

it('is no obstacle where it is missing, damaged or another file', async () => {
  expect(await readFingerprint(memoryFiles({}), 'r')).toEqual({ notes: [] });
  for (const content of ['{ "spacings": [[NaN', '{}', JSON.stringify({ ...WRITTEN, spacings: [[1, 1]] })]) {
    const { training, notes } = await read(content);
    expect(training).toBeUndefined();
    expect(notes).toEqual([expect.stringMatching(/cannot be recognised: r\/dataset_fingerprint\.json/)]);
  }
});
