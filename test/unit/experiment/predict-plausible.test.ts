/** Predictions of images that are far from the training cases: warned of, or with `strict` refused. */
import { expect, it } from 'vitest';
import { random } from '../../../src/core/random.ts';
import { channelFacts } from '../../../src/data/image-facts.ts';
import { summarizeTraining } from '../../../src/data/training-facts.ts';
import { formatModelMetadata } from '../../../src/experiment/embedded-coarse.ts';
import type { PredictionFailure } from '../../../src/experiment/failure.ts';
import { readModelFile } from '../../../src/experiment/model-file.ts';
import { predictFiles } from '../../../src/experiment/predict.ts';
import { type Progress, silent } from '../../../src/runtime/progress.ts';
import { createNiftiHeader, encodeNiftiImage } from '../../../src/volume/nifti.ts';
import type { Volume, Xyz } from '../../../src/volume/volume.ts';
import { BLOB_FACTS, createLaboratory, functionEngine, modelBytes, thresholdModel } from '../../support/laboratory.ts';
import { memoryFiles } from '../../support/memory-files.ts';

/** Noise from 0 to 1, of which the given share lies above 0.5, where the model finds its class. */
function scan(sizeVoxels: Xyz, share = 0.5): Volume {
  const noise = random(1, 'scan', sizeVoxels.join());
  const voxels = sizeVoxels[0] * sizeVoxels[1] * sizeVoxels[2];
  const data = Float32Array.from({ length: voxels }, () => noise.uniform() ** (Math.log(0.5) / Math.log(1 - share)));
  const affine = [1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1];
  return { data, sizeVoxels, channels: 1, spacingMm: [1, 1, 1], affine };
}

const encoded = (volume: Volume): Uint8Array => encodeNiftiImage(volume, createNiftiHeader(volume));

const TRAINED = scan([10, 10, 10]);
const TRAINING = summarizeTraining([
  { grid: TRAINED, channels: channelFacts(TRAINED), volumesMl: { blob: 0.5 } },
  { grid: TRAINED, channels: channelFacts(TRAINED), volumesMl: { blob: 0.6 } },
]);

async function setUp(training = TRAINING) {
  const files = memoryFiles();
  const metadata = formatModelMetadata({
    ...BLOB_FACTS,
    channels: 1,
    patch: [4, 4, 4],
    training,
  });
  files.contents.set('m.onnx', modelBytes(metadata));
  files.contents.set('in/good.nii', encoded(scan([11, 10, 9])));
  files.contents.set('in/large.nii', encoded(scan([60, 10, 10], 0.05)));
  files.contents.set('in/little.nii', encoded(scan([10, 10, 10], 0.02)));
  const told: string[] = [];
  const progress: Progress = {
    ...silent,
    warn: message => told.push(message),
    task: () => ({ update: (_, note) => told.push(note ?? ''), finish: () => {} }),
  };
  const failures: PredictionFailure[] = [];
  const laboratory = createLaboratory(functionEngine(thresholdModel), files, progress);
  const options = {
    models: [await readModelFile(files, 'm.onnx')],
    input: 'in',
    output: 'out',
    probabilities: false,
    window: { overlap: 0.5 },
    onFailure: (one: PredictionFailure) => failures.push(one),
  };
  return { files, laboratory, told, failures, options };
}

it('warns of an image before its first window, of volumes after its last, and lists both with the result', async () => {
  const { files, laboratory, told, failures, options } = await setUp();
  const predictions = await predictFiles(laboratory, options);
  expect(predictions.map(({ output, warnings }) => [output, warnings.map(({ code }) => code)])).toEqual([
    ['out/good.nii.gz', []],
    ['out/large.nii.gz', ['W_IMAGE_EXTENT']],
    ['out/little.nii.gz', ['W_CLASS_VOLUME']],
  ]);
  expect(predictions[1]?.warnings).toMatchObject([{ found: [60, 10, 10], training: { max: [10, 10, 10] }, times: 6 }]);
  expect(predictions[2]?.warnings).toMatchObject([{ class: 'blob', unit: 'ml', training: { min: 0.5, max: 0.6 } }]);
  const firstWindow = told.findIndex(
    (line, index) => index > 0 && /^volume 2 /.test(line) && told[index - 1]?.startsWith('W_'),
  );
  expect(told[firstWindow - 1]).toMatch(/^W_IMAGE_EXTENT: large: the image is 6 times as large as the largest/);
  expect(told.findLast(line => line.startsWith('W_'))).toMatch(
    /^W_CLASS_VOLUME: little: blob 0\.01\d+ ml, in training/,
  );
  expect(failures).toEqual([]);
  expect(await files.list('out')).toHaveLength(3);
});

it('warns of classes that lie elsewhere than in training', async () => {
  const far = { min: 5, median: 5, max: 6 };
  const classes = TRAINING.classes!.map(one => ({ ...one, placeMm: [far, far, far] as const }));
  const { laboratory, options } = await setUp({ ...TRAINING, classes });
  // of the only class the centre is that of all
  const [prediction] = await predictFiles(laboratory, { ...options, input: 'in/good.nii', output: 'good.nii.gz' });
  expect(prediction?.warnings).toMatchObject([
    { code: 'W_CLASS_PLACE', message: expect.stringMatching(/^good: blob lies at 0 mm along x .* at 5 to 6 mm\. The/) },
  ]);
});

it('with strict goes on after such a volume, writes nothing for it, and says why with figures', async () => {
  const { files, laboratory, failures, options } = await setUp();
  const predictions = await predictFiles(laboratory, { ...options, strict: true });
  expect(predictions.map(({ output }) => output)).toEqual(['out/good.nii.gz']);
  expect(await files.list('out')).toEqual(['good.nii.gz']);
  expect(failures).toMatchObject([
    { inputs: ['in/large.nii'], code: 'E_IMPLAUSIBLE', warnings: [{ code: 'W_IMAGE_EXTENT', times: 6 }] },
    { inputs: ['in/little.nii'], code: 'E_IMPLAUSIBLE', warnings: [{ code: 'W_CLASS_VOLUME', class: 'blob' }] },
  ]);
  expect(failures[0]?.message).toMatch(/^W_IMAGE_EXTENT: large: the image is 6 times as large/);
});

it('with strict ends in an error of exit code 1 where the input is one volume', async () => {
  const { files, laboratory, options } = await setUp();
  const single = { ...options, input: 'in/large.nii', strict: true };
  await expect(predictFiles(laboratory, single)).rejects.toMatchObject({ code: 'E_IMPLAUSIBLE', exitCode: 1 });
  expect(await files.list('out')).toEqual([]);
});

it('says once that an image is constant, before it computes', async () => {
  const { files, laboratory, told, options } = await setUp();
  const empty = scan([10, 10, 10]);
  empty.data.fill(0.7);
  files.contents.set('empty.nii', encoded(empty));
  const [prediction] = await predictFiles(laboratory, { ...options, input: 'empty.nii', output: 'out' });
  expect(prediction?.warnings.map(({ code }) => code)).toEqual(['W_IMAGE_CONSTANT']);
  expect(told[0]).toMatch(/^W_IMAGE_CONSTANT: empty: every voxel of the image has the value 0\.7/);
});
