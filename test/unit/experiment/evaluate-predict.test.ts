/**
 * Evaluation and prediction from files to files, with a model whose answer is known: foreground where the image is
 * above 0.5.
 */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { type Tensor, tensor } from '../../../src/core/tensor.ts';
import { openDataset } from '../../../src/data/dataset.ts';
import { readVolume } from '../../../src/data/volume-file.ts';
import { evaluateModel } from '../../../src/experiment/evaluate.ts';
import { type ModelFile, readModelFile } from '../../../src/experiment/model-file.ts';
import { predictFiles } from '../../../src/experiment/predict.ts';
import { createNodeSources } from '../../../src/platform/node/laboratory.ts';
import { type Progress, silent } from '../../../src/runtime/progress.ts';
import {
  createNiftiHeader,
  decodeLabels,
  decodeNifti,
  encodeNiftiImage,
  encodeNiftiLabels,
} from '../../../src/volume/nifti.ts';
import type { Volume, Xyz } from '../../../src/volume/volume.ts';
import {
  BLOB_FACTS,
  createLaboratory,
  functionEngine,
  modelBytes,
  sha256,
  thresholdModel,
} from '../../support/laboratory.ts';
import { memoryFiles } from '../../support/memory-files.ts';
import { STORAGES, storedAs } from '../../support/orientations.ts';

const FORMATS = fileURLToPath(new URL('../../fixtures/formats', import.meta.url));
const SIZE: Xyz = [6, 5, 4];
const SPACING: Xyz = [1, 2, 0.5];
const AFFINE = [-1, 0, 0, 10, 0, 2, 0, -20, 0, 0, 0.5, 30, 0, 0, 0, 1];
const GRID = { sizeVoxels: SIZE, spacingMm: SPACING, affine: AFFINE };
const VOXELS = 120;
const HEADER = createNiftiHeader(GRID);

/** Ones in the first `count` voxels. */
function image(count: number): Uint8Array {
  const data = Float32Array.from({ length: VOXELS }, (_, index) => (index < count ? 1 : 0));
  return encodeNiftiImage({ ...GRID, data, channels: 1 }, HEADER);
}

function label(count: number): Uint8Array {
  const data = Uint8Array.from({ length: VOXELS }, (_, index) => (index < count ? 1 : 0));
  return encodeNiftiLabels({ ...GRID, data }, HEADER);
}

async function setUp() {
  const files = memoryFiles({
    'data/dataset.json': JSON.stringify({
      name: 'Blobs',
      modality: { 0: 'MRI' },
      labels: { 0: 'background', 1: 'blob' },
      training: ['a', 'b', 'c'].map(id => ({ image: `imagesTr/${id}.nii.gz`, label: `labelsTr/${id}.nii.gz` })),
    }),
  });
  const counts = { a: [40, 40], b: [40, 20], c: [0, 0] } as const;
  for (const [id, [inImage, inLabel]] of Object.entries(counts)) {
    files.contents.set(`data/imagesTr/${id}.nii.gz`, image(inImage));
    files.contents.set(`data/labelsTr/${id}.nii.gz`, label(inLabel));
  }
  files.contents.set('m.onnx', modelBytes({}));
  const engine = functionEngine(thresholdModel);
  const laboratory = createLaboratory(engine, files);
  const model = await readModelFile(files, 'm.onnx', { given: BLOB_FACTS });
  return { files, engine, laboratory, model, dataset: await openDataset(files, 'data') };
}

const SETTINGS = { window: { overlap: 0.5 }, surfaceToleranceMm: 1 };

describe('evaluateModel', () => {
  it('scores each case on its own grid and sums up what is defined', async () => {
    const { laboratory, engine, model, dataset } = await setUp();
    const options = { models: [model], dataset, ids: ['a', 'b', 'c'], split: 'all', ...SETTINGS };
    const evaluation = await evaluateModel(laboratory, options);
    const [a, b, c] = evaluation.cases;
    expect(a?.classes['blob']).toMatchObject({ presence: 'both', dice: 1, hd95Mm: 0, surfaceDice: 1 });
    // 40 voxels of 1 x 2 x 0.5 mm against 20 of them: Dice 2 * 20 / 60.
    expect(b?.classes['blob']?.dice).toBeCloseTo(2 / 3, 12);
    expect(b?.classes['blob']).toMatchObject({ volumeMl: 0.04, referenceMl: 0.02 });
    expect(c).toMatchObject({ id: 'c', meanDice: null });
    expect(evaluation.summary.meanDice).toMatchObject({ mean: expect.closeTo(5 / 6, 12), n: 2 });
    expect(evaluation.summary.classes['blob']).toMatchObject({ bothEmpty: 1, oneEmpty: 0 });
    // every probability is q = 1 / (1 + e^9) away from 0 or 1; of b, 20 of 120 voxels are called the class and are not
    const q = 1 / (1 + Math.exp(9));
    expect(a?.classes['blob']?.ece).toBeCloseTo(q, 8);
    expect(b?.classes['blob']?.ece).toBeCloseTo((20 - 40 * q + 80 * q) / 120, 8);
    const bins = evaluation.calibration['blob'];
    expect(bins?.map(({ voxels }) => voxels)).toEqual([280, ...new Array(13).fill(0), 80]);
    expect(bins?.at(-1)?.frequency).toBeCloseTo(60 / 80, 12);
    expect(evaluation).toMatchObject({ dataset: 'Blobs', split: 'all' });
    expect(evaluation.model).toMatchObject({
      path: 'm.onnx',
      sha256: sha256(model.bytes),
      bytes: model.bytes.length,
      parameters: 2,
      // The clock of the test moves half a second between its two looks per case.
      secondsPerCase: 0.5,
      peakBytes: 1000,
    });
    expect(engine.open()).toBe(0);
  });

  it('evaluates the cases of the split only', async () => {
    const { laboratory, model, dataset } = await setUp();
    const evaluation = await evaluateModel(laboratory, {
      models: [model],
      dataset,
      ids: ['b'],
      split: 'test',
      ...SETTINGS,
    });
    expect(evaluation.cases.map(({ id }) => id)).toEqual(['b']);
  });

  it('evaluates an ensemble by the mean of its models, whose sizes add up', async () => {
    const { laboratory, files, engine, model, dataset } = await setUp();
    files.contents.set('n.onnx', modelBytes({}));
    const models = [model, await readModelFile(files, 'n.onnx', { given: BLOB_FACTS })];
    const evaluation = await evaluateModel(laboratory, { models, dataset, ids: ['b'], split: 'test', ...SETTINGS });
    expect(evaluation.cases[0]?.meanDice).toBeCloseTo(2 / 3, 12);
    const bytes = model.bytes.length;
    const hashes = models.map(one => sha256(one.bytes)).join(', ');
    expect(evaluation.model).toMatchObject({ path: 'm.onnx, n.onnx', sha256: hashes, parameters: 4, bytes: 2 * bytes });
    expect(engine.open()).toBe(0);
  });

  it('refuses models that do not belong together before any is loaded', async () => {
    const { laboratory, files, engine, model, dataset } = await setUp();
    const other = await readModelFile(files, 'm.onnx', { given: { ...BLOB_FACTS, channels: 2 } });
    const options = { models: [model, other], dataset, ids: ['b'], split: 'test', ...SETTINGS };
    await expect(evaluateModel(laboratory, options)).rejects.toMatchObject({ code: 'E_ENSEMBLE' });
    const call = predictFiles(laboratory, { ...options, input: 'data/imagesTr', output: 'out', probabilities: false });
    await expect(call).rejects.toMatchObject({ code: 'E_ENSEMBLE' });
    expect(engine.open()).toBe(0);
  });

  it('refuses a model of other classes, an empty split and a case without reference', async () => {
    const { laboratory, files, model, dataset } = await setUp();
    const options = { models: [model], dataset, ids: ['a'], split: 'test', ...SETTINGS };
    const other: ModelFile = await readModelFile(files, 'm.onnx', {
      given: {
        ...BLOB_FACTS,
        labels: [
          { value: 0, name: 'background' },
          { value: 4, name: 'liver' },
        ],
      },
    });
    await expect(evaluateModel(laboratory, { ...options, models: [other] })).rejects.toMatchObject({
      code: 'E_MODEL_LABELS',
    });
    await expect(evaluateModel(laboratory, { ...options, ids: [] })).rejects.toMatchObject({ code: 'E_NO_CASES' });
    const unlabelled = { ...dataset, cases: [{ id: 'a', images: ['data/imagesTr/a.nii.gz'] }] };
    await expect(evaluateModel(laboratory, { ...options, dataset: unlabelled })).rejects.toMatchObject({
      code: 'E_NO_REFERENCE',
    });
  });

  it('stops between cases when asked to, and lets the model go', async () => {
    const { laboratory, engine, model, dataset } = await setUp();
    const signal = AbortSignal.abort();
    const options = { models: [model], dataset, ids: ['a'], split: 'test', ...SETTINGS, signal };
    await expect(evaluateModel(laboratory, options)).rejects.toBe(signal.reason);
    expect(engine.open()).toBe(0);
  });
});

describe('predictFiles', () => {
  const choices = { probabilities: false, window: { overlap: 0.5 } };

  it('writes labels with the exact grid and place of the input', async () => {
    const { laboratory, files, model } = await setUp();
    const options = { ...choices, models: [model], input: 'data/imagesTr/b.nii.gz', output: 'out/b.nii.gz' };
    // the clock has gone on since the start of the program
    for (let look = 0; look < 10; look++) laboratory.machine.elapsedMs();
    const predictions = await predictFiles(laboratory, options);
    expect(predictions).toEqual([
      {
        inputs: ['data/imagesTr/b.nii.gz'],
        output: 'out/b.nii.gz',
        seconds: 0.5,
        device: 'cpu',
        volumesMl: { blob: 0.04 },
        // 40 voxels with probability 1 - q and 80 with q = 1 / (1 + e^9)
        expectedDice: { blob: { dice: expect.closeTo(0.999815, 5), interval: null } },
        temperature: null,
        // of zeros and ones
        warnings: [expect.objectContaining({ code: 'W_IMAGE_LABELS' })],
      },
    ]);
    const result = decodeLabels(await files.read('out/b.nii.gz'), { path: 'out/b.nii.gz' });
    expect(result).toMatchObject({ sizeVoxels: SIZE, spacingMm: SPACING });
    expect([...result.affine]).toEqual(AFFINE);
    expect(Array.from(result.data)).toEqual(Array.from({ length: VOXELS }, (_, index) => (index < 40 ? 1 : 0)));
  });

  it('segments every volume of a folder and can add probabilities', async () => {
    const { laboratory, files, model } = await setUp();
    await predictFiles(laboratory, {
      ...choices,
      models: [model],
      input: 'data/imagesTr',
      output: 'out/',
      probabilities: true,
    });
    expect(await files.list('out')).toEqual(
      ['a', 'b', 'c'].flatMap(id => [`${id}.nii.gz`, `${id}_probabilities.nii.gz`]).sort(),
    );
    const { volume } = decodeNifti(await files.read('out/a_probabilities.nii.gz'), { path: 'p' });
    expect(volume.channels).toBe(2);
    expect(volume.data[0]! + volume.data[VOXELS]!).toBeCloseTo(1, 6);
    expect(volume.data[VOXELS]).toBeGreaterThan(0.99);
  });

  it('puts together the channels that nnU-Net names by number', async () => {
    const { laboratory, files } = await setUp();
    files.contents.set('in/p_0000.nii.gz', image(30));
    files.contents.set('in/p_0001.nii.gz', image(5));
    const model = await readModelFile(files, 'm.onnx', { given: { ...BLOB_FACTS, channels: 2 } });
    const predictions = await predictFiles(laboratory, { ...choices, models: [model], input: 'in', output: 'out' });
    expect(predictions).toMatchObject([
      { inputs: ['in/p_0000.nii.gz', 'in/p_0001.nii.gz'], output: 'out/p.nii.gz', volumesMl: { blob: 0.03 } },
    ]);
  });

  it('takes DICOM series and writes what the name of the output asks for, on the exact grid', async () => {
    const { laboratory: nifti, files, model } = await setUp();
    const laboratory = { ...nifti, ...createNodeSources(), files };
    for (const number of [0, 1, 2]) {
      const name = `IM0${number}.dcm`;
      files.contents.set(`scan/${name}`, readFileSync(`${FORMATS}/dicom-coronal/${name}`));
      files.contents.set(`scans/first/${name}`, readFileSync(`${FORMATS}/dicom-coronal/${name}`));
    }
    const input = await readVolume(laboratory, 'scan');
    for (const output of ['out.nrrd', 'out.mha', 'out.nii.gz']) {
      await predictFiles(laboratory, { ...choices, models: [model], input: 'scan', output });
      const result = await readVolume(laboratory, output);
      expect(result.volume.sizeVoxels).toEqual([4, 3, 3]);
      result.volume.affine.forEach((value, index) => {
        expect(value).toBeCloseTo(input.volume.affine[index]!, 5);
      });
      expect(result.volume.data).toEqual(input.volume.data.map(value => (value > 0.5 ? 1 : 0)));
    }
    const jobs = await predictFiles(laboratory, { ...choices, models: [model], input: 'scans/', output: 'results' });
    expect(jobs).toMatchObject([{ inputs: ['scans/first'], output: 'results/first.nii.gz' }]);
  });

  it('gives a scan stored in other axes the same labels, in its own axes', async () => {
    const { laboratory: plain, files } = await setUp();
    // foreground where the next voxel towards the front is brighter
    const uphill = (input: Tensor): Tensor => {
      const [, , depth, height, width] = input.shape as readonly [number, number, number, number, number];
      const count = depth * height * width;
      const rise = (at: number): number =>
        Math.floor(at / width) % height < height - 1 ? Number(input.data[at + width]) - Number(input.data[at]) : 0;
      const logits = Float32Array.from({ length: 2 * count }, (_, at) => (at < count ? 0 : 9 * rise(at - count)));
      return tensor('float32', logits, [1, 2, depth, height, width]);
    };
    const laboratory = { ...plain, engine: functionEngine(uphill) };
    const facts = { ...BLOB_FACTS, orientation: 'RAS', spacingMm: [1, 1.5, 1] } as const;
    const models = [await readModelFile(files, 'm.onnx', { given: facts })];
    const data = Float32Array.from({ length: VOXELS }, (_, index) => Math.sin(index * index));
    const scan = { ...GRID, affine: [1, 0, 0, 10, 0, 2, 0, -20, 0, 0, 0.5, 30, 0, 0, 0, 1], data, channels: 1 };
    const segmented = async (volume: Volume): Promise<Volume> => {
      files.contents.set('scan.nii.gz', encodeNiftiImage(volume, createNiftiHeader(volume)));
      await predictFiles(laboratory, { ...choices, models, input: 'scan.nii.gz', output: 'labels.nii.gz' });
      return decodeNifti(await files.read('labels.nii.gz'), { path: 'labels' }).volume;
    };
    const expected = await segmented(scan);
    expect(new Set(expected.data).size).toBe(2);
    for (const storage of STORAGES) {
      expect(await segmented(storedAs(scan, storage))).toEqual(storedAs(expected, storage));
    }
  });

  it('warns before it computes where probabilities take a gigabyte or more, and not below', async () => {
    const { files } = await setUp();
    const labels = Array.from({ length: 256 }, (_, value) => ({ value, name: `class ${value}` }));
    files.contents.set('many.onnx', modelBytes({}, ['N', 1, 64, 64, 64], ['N', 256, 'D', 'H', 'W']));
    const model = await readModelFile(files, 'many.onnx', { given: { ...BLOB_FACTS, labels } });
    const stop = new Error('warned');
    const progress: Progress = {
      ...silent,
      warn: message => {
        expect(message).toMatch(/^the probabilities of 256 classes on 128x128x64 voxels take 1\.\d+ GB of memory/);
        throw stop;
      },
    };
    const computed = new Error('computed');
    const engine = functionEngine(() => {
      throw computed;
    });
    const laboratory = createLaboratory(engine, files, progress);
    for (const [size, outcome] of [
      [[128, 128, 64], stop],
      [[128, 128, 63], computed],
    ] as const) {
      const grid = { ...GRID, sizeVoxels: size };
      const data = Float32Array.from({ length: size[0] * size[1] * size[2] }, (_, index) => index % 17);
      files.contents.set('scan.nii', encodeNiftiImage({ ...grid, data, channels: 1 }, createNiftiHeader(grid)));
      const options = { ...choices, models: [model], input: 'scan.nii', output: 'out.nii.gz', probabilities: true };
      await expect(predictFiles(laboratory, options)).rejects.toBe(outcome);
    }
  });

  it('never replaces a scan by its segmentation', async () => {
    const { laboratory, files, model } = await setUp();
    files.contents.set('in/a.nii', image(30));
    files.contents.set('in/a.nii.gz', image(5));
    const before = new Map(files.contents);
    // of the folder, a.nii comes first and its result would replace a.nii.gz before that is read
    for (const path of ['in/a.nii.gz', 'in']) {
      const call = predictFiles(laboratory, { ...choices, models: [model], input: path, output: path });
      await expect(call).rejects.toMatchObject({ code: 'E_OUTPUT_NAME', exitCode: 2 });
    }
    expect(files.contents).toEqual(before);
  });

  it.each([
    ['nowhere', 'out', 'E_NO_INPUT'],
    ['data/imagesTr', 'out.nii.gz', 'E_OUTPUT_NAME'],
    ['data/imagesTr/a.nii.gz', 'out.nii', 'E_OUTPUT_NAME'],
    ['missing.nii.gz', 'out.nii.gz', 'E_FILE_MISSING'],
  ])('refuses to go from %s to %s with %s', async (input, output, code) => {
    const { laboratory, model } = await setUp();
    await expect(predictFiles(laboratory, { ...choices, models: [model], input, output })).rejects.toMatchObject({
      code,
    });
  });
});
