/** What `predict` says and writes of its confidence, with a model whose logits are the image. */
import { expect, it } from 'vitest';
import { type Tensor, tensor } from '../../../src/core/tensor.ts';
import { readVolume } from '../../../src/data/volume-file.ts';
import { readModelFile } from '../../../src/experiment/model-file.ts';
import { predictFiles } from '../../../src/experiment/predict.ts';
import { createNodeSources } from '../../../src/platform/node/laboratory.ts';
import { createNiftiHeader, encodeNiftiImage } from '../../../src/volume/nifti.ts';
import type { Xyz } from '../../../src/volume/volume.ts';
import { createLaboratory, functionEngine, modelBytes } from '../../support/laboratory.ts';
import { memoryFiles } from '../../support/memory-files.ts';

const GRID = {
  sizeVoxels: [4, 3, 2] as Xyz,
  spacingMm: [1, 2, 3] as Xyz,
  affine: [1, 0, 0, 5, 0, 2, 0, 6, 0, 0, 3, 7, 0, 0, 0, 1],
};
/** Differences of the logits: half of the voxels are blob, more and less surely. */
const DIFFERENCES = Float32Array.from({ length: 24 }, (_, index) => (index - 11.5) / 4);
const TEMPERATURE = 2;

function differenceModel(input: Tensor): Tensor {
  const [n = 1, , ...size] = input.shape;
  const voxels = size.reduce((product, length) => product * length, 1);
  const logits = new Float32Array(n * 2 * voxels);
  logits.set(input.data as Float32Array, voxels);
  return tensor('float32', logits, [n, 2, ...size]);
}

async function setUp(more: object = {}) {
  const files = memoryFiles({});
  files.contents.set('m.onnx', modelBytes({}, ['N', 1, 2, 3, 4]));
  const image = encodeNiftiImage({ ...GRID, data: DIFFERENCES, channels: 1 }, createNiftiHeader(GRID));
  files.contents.set('a.nii.gz', image);
  const labels = [
    { value: 0, name: 'background' },
    { value: 1, name: 'blob' },
  ];
  const given = { labels, normalize: 'none' as const, activation: 'softmax' as const, ...more };
  const model = await readModelFile(files, 'm.onnx', { given });
  const laboratory = createLaboratory(functionEngine(differenceModel), files);
  return { files, laboratory, model };
}

const p = [...DIFFERENCES].map(difference => 1 / (1 + Math.exp(-difference / TEMPERATURE)));
const entropies = p.map(value => -(value * Math.log2(value) + (1 - value) * Math.log2(1 - value)));

it.each(['nii.gz', 'nrrd', 'mha', 'mgz'])(
  'writes the entropy of the calibrated probabilities beside labels: %s',
  async ending => {
    const { files, laboratory, model } = await setUp({ temperature: TEMPERATURE });
    const options = { models: [model], input: 'a.nii.gz', output: `out.${ending}`, probabilities: false, window: {} };
    const [prediction] = await predictFiles(laboratory, { ...options, entropy: true });
    expect(prediction).toMatchObject({ output: `out.${ending}`, entropy: `out_entropy.${ending}`, temperature: 2 });
    const { volume } = await readVolume({ ...createNodeSources(), files }, `out_entropy.${ending}`);
    expect(volume).toMatchObject({ sizeVoxels: GRID.sizeVoxels, channels: 1 });
    volume.affine.forEach((value, index) => {
      expect(value).toBeCloseTo(GRID.affine[index]!, 5);
    });
    for (const [index, value] of volume.data.entries()) expect(value).toBeCloseTo(entropies[index]!, 5);
  },
);

it('says the expected Dice with its interval, and that it is not calibrated where there is no temperature', async () => {
  const inside = p.slice(12).reduce((sum, value) => sum + value, 0);
  const expected = (2 * inside) / (12 + p.reduce((sum, value) => sum + value, 0));
  const errors = { blob: { halfWidth: 0.4, cases: 12 } };
  const { laboratory, model } = await setUp({ temperature: TEMPERATURE, expectedDiceErrors: errors });
  const options = { input: 'a.nii.gz', output: 'out.nii.gz', probabilities: false, window: {} };
  const [prediction] = await predictFiles(laboratory, { ...options, models: [model] });
  expect(prediction?.expectedDice).toEqual({
    blob: { dice: expect.closeTo(expected, 6), interval: [expect.closeTo(expected - 0.4, 6), 1] },
  });
  expect(prediction?.entropy).toBeUndefined();
  // the interval is that of one model alone
  const [together] = await predictFiles(laboratory, { ...options, models: [model, model] });
  expect(together?.expectedDice).toEqual({ blob: { dice: expect.closeTo(expected, 6), interval: null } });
  const plain = await setUp();
  const [uncalibrated] = await predictFiles(plain.laboratory, { ...options, models: [plain.model] });
  expect(uncalibrated?.temperature).toBeNull();
});

it('has no confidence for a model that gives labels only, and refuses its entropy', async () => {
  const { laboratory, model } = await setUp();
  const labelled = { ...model, givesLabels: true };
  const options = { models: [labelled], input: 'a.nii.gz', output: 'out.nii.gz', probabilities: false, window: {} };
  await expect(predictFiles(laboratory, { ...options, entropy: true })).rejects.toThrow('Leave out --entropy');
});
