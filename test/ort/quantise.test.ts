/** Smaller forms of models from files to files: what they cost, what they gain, and when they are refused. */
import { beforeAll, describe, expect, it } from 'vitest';
import { elementCount } from '../../src/core/shape.ts';
import { tensor } from '../../src/core/tensor.ts';
import { openDataset } from '../../src/data/dataset.ts';
import { formatModelMetadata } from '../../src/experiment/embedded-coarse.ts';
import { readModelFile } from '../../src/experiment/model-file.ts';
import { diceChanges, halvedModel, type QuantiseOptions, quantiseModel } from '../../src/experiment/quantise.ts';
import { PLAIN_CONVOLUTION } from '../../src/graph/convolution.ts';
import { GraphBuilder } from '../../src/graph/graph.ts';
import { replaceMetadata } from '../../src/onnx/edit.ts';
import { createNodeEngine } from '../../src/platform/node/engine.ts';
import type { Engine } from '../../src/runtime/engine.ts';
import { quantiseRun } from '../../src/study/quantise-run.ts';
import { readRun } from '../../src/study/read-run.ts';
import { encodeAnyBatch } from '../../src/training/export.ts';
import { createNiftiHeader, encodeNiftiImage, encodeNiftiLabels } from '../../src/volume/nifti.ts';
import type { Xyz } from '../../src/volume/volume.ts';
import { BLOB_FACTS, createLaboratory } from '../support/laboratory.ts';
import { memoryFiles } from '../support/memory-files.ts';
import { tinyRecipe } from '../support/tiny-recipe.ts';

let engine: Engine;
beforeAll(async () => {
  engine = await createNodeEngine({ threads: 1 });
});

const WINDOW = [8, 8, 8] as const;
const SIZE: Xyz = [8, 8, 8];
const GRID = {
  sizeVoxels: SIZE,
  spacingMm: [1, 1, 1] as const,
  affine: [1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1],
};
const VOXELS = elementCount(WINDOW);

/** Foreground where the image is above 0.5: four copies of each voxel, then ten times the difference as the logit. */
function thresholdNetwork(): Uint8Array {
  const builder = new GraphBuilder();
  const image = builder.input('image', [1, 1, ...WINDOW]);
  const kernel = new Float32Array(4 * 27);
  for (let channel = 0; channel < 4; channel++) kernel[channel * 27 + 13] = 1;
  const copies = builder.apply(
    'Conv',
    [image, builder.constant(tensor('float32', kernel, [4, 1, 3, 3, 3]))],
    PLAIN_CONVOLUTION,
  );
  const active = builder.apply('Relu', [copies], {});
  const head = builder.float([0, 0, 0, 0, 10, 0, 0, 0], [2, 4, 1, 1, 1]);
  const point = { ...PLAIN_CONVOLUTION, kernel: [1, 1, 1], pads: [0, 0, 0, 0, 0, 0] } as const;
  const logits = builder.add(builder.apply('Conv', [active, head], point), builder.float([0, -5], [1, 2, 1, 1, 1]));
  return encodeAnyBatch({ outputs: { logits } }, {});
}

const RECORD = {
  status: 'done',
  startedAt: '2026-11-24T12:00:00Z',
  dataset: 'data',
  seeds: [1],
  versions: {},
  host: { system: 'linux', cpu: 'cpu', cores: 2, memoryBytes: 1e9 },
};

const never = (): never => {
  throw new Error('there is no such thing');
};

/** The threshold network as a file that says itself how it is used. */
async function describedModel(): Promise<Uint8Array> {
  const files = memoryFiles();
  files.contents.set('m.onnx', thresholdNetwork());
  const { metadata, bytes } = await readModelFile(files, 'm.onnx', { given: { ...BLOB_FACTS, patch: WINDOW } });
  return replaceMetadata(bytes, formatModelMetadata(metadata));
}

/** Two cases of voxels at 0.4 and 0.6, or further beside them; the label is where they are above 0.5. */
async function setUp(network: Uint8Array, brightest: number) {
  const files = memoryFiles({
    'data/dataset.json': JSON.stringify({
      name: 'Blobs',
      modality: { 0: 'MRI' },
      labels: { 0: 'background', 1: 'blob' },
      training: ['a', 'b'].map(id => ({ image: `imagesTr/${id}.nii.gz`, label: `labelsTr/${id}.nii.gz` })),
    }),
  });
  const header = createNiftiHeader(GRID);
  for (const [index, id] of ['a', 'b'].entries()) {
    const isInside = (voxel: number): boolean => (voxel + index) % 5 < 2;
    const data = Float32Array.from({ length: VOXELS }, (_, voxel) => (isInside(voxel) ? 0.6 : 0.4));
    data[0] = brightest;
    const labels = Uint8Array.from(data, value => (value > 0.5 ? 1 : 0));
    files.contents.set(`data/imagesTr/${id}.nii.gz`, encodeNiftiImage({ ...GRID, data, channels: 1 }, header));
    files.contents.set(`data/labelsTr/${id}.nii.gz`, encodeNiftiLabels({ ...GRID, data: labels }, header));
  }
  files.contents.set('m.onnx', network);
  const facts = { ...BLOB_FACTS, patch: WINDOW };
  const file = await readModelFile(files, 'm.onnx', { given: facts });
  const laboratory = createLaboratory(engine, files);
  const options: Omit<QuantiseOptions, 'precision'> = {
    file,
    limits: { classLoss: 0.005, meanLoss: 0.002 },
    scoring: {
      dataset: await openDataset(files, 'data'),
      ids: ['a', 'b'],
      split: 'val',
      window: { overlap: 0.5 },
      surfaceToleranceMm: 1,
    },
  };
  return { files, laboratory, options };
}

describe('quantiseModel', () => {
  it('gives a file that says the same classes and knows what it is', async () => {
    const { files, laboratory, options } = await setUp(thresholdNetwork(), 1);
    const { bytes, before, after, changes } = await quantiseModel(laboratory, { ...options, precision: '8bit' });
    expect(before.summary.meanDice.mean).toBe(1);
    expect(after.summary.meanDice.mean).toBe(1);
    expect(changes.map(({ name }) => name)).toEqual(['mean', 'blob']);
    files.contents.set('small.onnx', bytes);
    const read = await readModelFile(files, 'small.onnx');
    expect(read.metadata).toMatchObject({ precision: '8bit', patch: WINDOW, activation: 'softmax', normalize: 'none' });
    await expect(quantiseModel(laboratory, { ...options, file: read, precision: '8bit' })).rejects.toMatchObject({
      code: 'E_QUANTISE',
      message: expect.stringContaining('it is one already'),
    });
  });

  it('refuses a model that loses a class, with the figures', async () => {
    // one voxel of 200 makes steps of 200 / 255, and 0.4 and 0.6 the same number
    const { laboratory, options } = await setUp(thresholdNetwork(), 200);
    await expect(quantiseModel(laboratory, { ...options, precision: '8bit' })).rejects.toMatchObject({
      code: 'E_QUANTISE_LOSS',
      exitCode: 1,
      message: expect.stringMatching(/Dice of mean 1\.000 to 0\.\d+, of blob 1\.000 to 0\.\d+; at most 0\.002/),
    });
    const allowed = await quantiseModel(laboratory, {
      ...options,
      precision: '8bit',
      limits: { classLoss: 1, meanLoss: 1 },
    });
    expect(allowed.changes[1]!.after).toBeLessThan(0.9);
    expect((await quantiseModel(laboratory, { ...options, precision: 'float16' })).changes[1]!.after).toBe(1);
  });

  it('refuses a model without a convolution that it can take', async () => {
    const builder = new GraphBuilder();
    const image = builder.input('image', [1, 1, ...WINDOW]);
    const network = encodeAnyBatch({ outputs: { logits: builder.concat([builder.neg(image), image], 1) } }, {});
    const { laboratory, options } = await setUp(network, 1);
    await expect(quantiseModel(laboratory, { ...options, precision: '8bit' })).rejects.toMatchObject({
      code: 'E_QUANTISE',
      message: expect.stringContaining('no convolution of volumes'),
    });
  });

  it('stores weights in half precision, also where nothing is scored', async () => {
    const { files, laboratory, options } = await setUp(thresholdNetwork(), 1);
    const scored = await quantiseModel(laboratory, { ...options, precision: 'float16' });
    expect(scored.after.summary.meanDice.mean).toBe(1);
    const unscored = await halvedModel(laboratory, options.file);
    expect(unscored).toEqual(scored.bytes);
    files.contents.set('half.onnx', unscored);
    expect((await readModelFile(files, 'half.onnx')).metadata.precision).toBe('float16');
  });
});

describe('quantiseRun', () => {
  it('writes the form of the student beside it, chosen by validation cases and scored on test cases', async () => {
    const { files, laboratory } = await setUp(thresholdNetwork(), 1);
    files.contents.set('run/student/model.onnx', await describedModel());
    await files.write('run/recipe.yaml', tinyRecipe('data'));
    await files.write('run/splits.json', JSON.stringify({ train: [], val: ['a'], test: ['b'], unlabelled: [] }));
    const asked = { precision: '8bit', limits: { classLoss: 0.005, meanLoss: 0.002 } } as const;
    const [student] = await quantiseRun(laboratory, 'run', asked);
    expect(student?.model).toBe('run/student-8bit/model.onnx');
    expect(student?.form.after.cases.map(({ id }) => id)).toEqual(['a']);
    const { arms } = await readRun(files, 'run');
    expect(arms.map(({ name }) => name)).toEqual(['student-8bit']);
    const [{ evaluation } = never()] = arms[0]!.repeats;
    expect(evaluation).toMatchObject({ split: 'test', cases: [{ id: 'b', meanDice: 1 }] });
    expect(evaluation.model.path).toBe('run/student-8bit/model.onnx');
  });

  it('says so where a run has no student', async () => {
    const { files, laboratory } = await setUp(thresholdNetwork(), 1);
    await files.write('run/recipe.yaml', tinyRecipe('data'));
    await files.write('run/run.json', JSON.stringify(RECORD));
    const asked = { precision: '8bit', limits: { classLoss: 0.005, meanLoss: 0.002 } } as const;
    await expect(quantiseRun(laboratory, 'run', asked)).rejects.toMatchObject({ code: 'E_QUANTISE' });
  });
});

describe('diceChanges', () => {
  it('compares the cases that both have', async () => {
    const { laboratory, options } = await setUp(thresholdNetwork(), 1);
    const { before } = await quantiseModel(laboratory, { ...options, precision: 'float16' });
    const [a, b] = before.cases;
    const worse = { ...b!, meanDice: 0.5, classes: { blob: { ...b!.classes['blob']!, dice: 0.5 } } };
    const after = { ...before, cases: [worse] };
    expect(diceChanges({ ...before, cases: [a!, b!] }, after)).toEqual([
      { name: 'mean', before: 1, after: 0.5 },
      { name: 'blob', before: 1, after: 0.5 },
    ]);
  });
});
