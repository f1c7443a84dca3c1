/** What is chosen about a finished model, with a network whose logits and references are known. */
import { describe, expect, it } from 'vitest';
import { type Tensor, tensor } from '../../../src/core/tensor.ts';
import { openDataset } from '../../../src/data/dataset.ts';
import { choicesOf } from '../../../src/experiment/arm-choices.ts';
import type { ArmOptions } from '../../../src/experiment/arm-options.ts';
import { formatModelMetadata } from '../../../src/experiment/embedded-coarse.ts';
import { evaluateModel } from '../../../src/experiment/evaluate.ts';
import { readModelFile } from '../../../src/experiment/model-file.ts';
import { segment, segmentWithEnsemble } from '../../../src/inference/predictor.ts';
import { parseRecipe } from '../../../src/recipe/parse.ts';
import { silent } from '../../../src/runtime/progress.ts';
import { createNiftiHeader, encodeNiftiImage, encodeNiftiLabels } from '../../../src/volume/nifti.ts';
import type { Xyz } from '../../../src/volume/volume.ts';
import { createLaboratory, functionEngine, modelBytes } from '../../support/laboratory.ts';
import { memoryFiles } from '../../support/memory-files.ts';
import { tinyRecipe } from '../../support/tiny-recipe.ts';

const SIZE: Xyz = [10, 10, 1];
const GRID = {
  sizeVoxels: SIZE,
  spacingMm: [1, 1, 1] as Xyz,
  affine: [1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1],
};
const HEADER = createNiftiHeader(GRID);
const VOXELS = 100;

/** The image is the difference of the logits. */
function differenceModel(input: Tensor): Tensor {
  const [n = 1, , ...size] = input.shape;
  const voxels = size.reduce((product, length) => product * length, 1);
  const logits = new Float32Array(n * 2 * voxels);
  for (let sample = 0; sample < n; sample++) {
    logits.set(
      (input.data as Float32Array).subarray(sample * voxels, (sample + 1) * voxels),
      (2 * sample + 1) * voxels,
    );
  }
  return tensor('float32', logits, [n, 2, ...size]);
}

const METADATA = {
  labels: [
    { value: 0, name: 'background' },
    { value: 1, name: 'blob' },
  ],
  channels: 1,
  normalize: 'none',
  patch: [1, 10, 10],
  activation: 'softmax',
  inputName: 'image',
  outputName: 'logits',
} as const;

/**
 * Cases in which rows 0 to 4 are surely background, rows 5 to 7 look like blob with this difference of logits, and rows
 * 8 and 9 surely are blob.
 * @param right how many of the 30 unsure voxels are blob
 */
async function setUp(cases: number, { difference, right }: { readonly difference: number; readonly right: number }) {
  const ids = Array.from({ length: cases }, (_, index) => `case_${index}`);
  const files = memoryFiles({
    'data/dataset.json': JSON.stringify({
      name: 'Blobs',
      modality: { 0: 'MRI' },
      labels: { 0: 'background', 1: 'blob' },
      training: ids.map(id => ({ image: `imagesTr/${id}.nii.gz`, label: `labelsTr/${id}.nii.gz` })),
    }),
  });
  const data = Float32Array.from({ length: VOXELS }, (_, i) => (i < 50 ? -60 : i < 80 ? difference : 60));
  const truth = Uint8Array.from({ length: VOXELS }, (_, i) => (i < 50 ? 0 : i < 80 ? Number(i < 50 + right) : 1));
  for (const id of ids) {
    files.contents.set(`data/imagesTr/${id}.nii.gz`, encodeNiftiImage({ ...GRID, data, channels: 1 }, HEADER));
    files.contents.set(`data/labelsTr/${id}.nii.gz`, encodeNiftiLabels({ ...GRID, data: truth }, HEADER));
  }
  const logged: string[] = [];
  const laboratory = {
    ...createLaboratory(functionEngine(differenceModel), files),
    progress: { ...silent, log: (line: string) => logged.push(line) },
  };
  const dataset = await openDataset(files, 'data');
  const optionsOf = (more: string): ArmOptions =>
    ({
      laboratory,
      recipe: parseRecipe(`${tinyRecipe('data')}${more}`, { path: 'recipe.yaml' }),
      data: { dataset, splits: { train: [], val: ids, test: [], unlabelled: [] } },
      arm: 'student',
      seed: 1,
      folder: { model: 'm.onnx' },
      label: 'student',
    }) as unknown as ArmOptions;
  const bytes = modelBytes(formatModelMetadata(METADATA), ['N', 1, 1, 10, 10], ['N', 2, 'D', 'H', 'W']);
  return { files, laboratory, dataset, ids, optionsOf, bytes, logged };
}

describe('choicesOf', () => {
  it('fits the temperature that makes the unsure voxels as sure as they are right', async () => {
    // voxels that say 95 % are right in 7 of 10, so sigmoid(difference / T) is 0.7; the sure ones hardly matter
    const { optionsOf, bytes } = await setUp(3, { difference: 3, right: 21 });
    const { temperature, temperatureFit, thresholds, expectedDiceErrors } = await choicesOf(optionsOf(''), bytes);
    expect(temperature).toBeCloseTo(3 / Math.log(21 / 9), 4);
    expect(temperatureFit).toMatchObject({ cases: 3, voxels: 300 });
    expect(temperatureFit!.nllAfter).toBeLessThan(temperatureFit!.nllBefore);
    // too few cases for an interval, and argmax is not questioned
    expect([thresholds, expectedDiceErrors]).toEqual([undefined, undefined]);
  });

  it('keeps a threshold where it wins, on all cases, and the model then decides by it everywhere', async () => {
    // p = sigmoid(-1) = 0.27 for voxels that are blob: argmax misses them, a threshold of 0.25 does not
    const { files, laboratory, dataset, ids, optionsOf, bytes, logged } = await setUp(12, {
      difference: -1,
      right: 30,
    });
    const choices = await choicesOf(optionsOf('decode: validated\n'), bytes);
    expect(choices.thresholds).toEqual({ blob: 0.25 });
    expect(choices.thresholdTrials).toMatchObject([
      { class: 'blob', kept: true, cases: 12, diceWithout: expect.closeTo((2 * 20) / 70, 12), diceWith: 1 },
      { class: null, kept: true, diceWith: 1 },
    ]);
    expect(logged.join()).toContain('thresholds: blob from 0.25');
    expect(choices.expectedDiceErrors?.['blob']?.cases).toBe(12);
    files.contents.set('m.onnx', modelBytes(formatModelMetadata({ ...METADATA, ...choices }), ['N', 1, 1, 10, 10]));
    const model = await readModelFile(files, 'm.onnx');
    const evaluation = await evaluateModel(laboratory, {
      models: [model],
      dataset,
      ids: ids.slice(0, 2),
      split: 'test',
      window: {},
      surfaceToleranceMm: 1,
    });
    expect(evaluation.summary.meanDice.mean).toBe(1);
    expect(evaluation).toMatchObject({ thresholds: { blob: 0.25 }, confidence: { temperature: choices.temperature } });
    const { classes } = evaluation.cases[0]!;
    expect(classes['blob']!.expectedDice).toBeGreaterThan(0.5);
    // all cases are the same, so the interval of the validation cases holds
    expect(evaluation.confidence.reliability['blob']).toMatchObject({ n: 2, coverage: 1, intervals: 2 });
  });

  it('leaves it to the most likely class where thresholds do not help, and says why', async () => {
    const few = await setUp(9, { difference: -1, right: 30 });
    const choices = await choicesOf(few.optionsOf('decode: validated\n'), few.bytes);
    expect(choices.thresholds).toBeUndefined();
    expect(choices.thresholdTrials).toMatchObject([{ class: 'blob', kept: false, reason: 'too few cases' }]);
    expect(few.logged.join()).toContain(
      'the most likely class wins; blob: 9 validation cases are too few to choose by, 10 are needed',
    );
    const useless = await setUp(10, { difference: 3, right: 30 });
    const none = await choicesOf(useless.optionsOf('decode: validated\n'), useless.bytes);
    expect(none.thresholds).toBeUndefined();
    expect(useless.logged.join()).toContain('no threshold helps');
  });

  it('is the most likely class voxel by voxel where no threshold is stored, and where the models of an ensemble differ', async () => {
    const { files, laboratory } = await setUp(1, { difference: -1, right: 30 });
    const data = Float32Array.from({ length: VOXELS }, (_, i) => (i % 2 === 0 ? -1 : 1));
    const infoWith = async (more: object) => {
      files.contents.set('m.onnx', modelBytes(formatModelMetadata({ ...METADATA, ...more }), ['N', 1, 1, 10, 10]));
      return (await readModelFile(files, 'm.onnx')).info;
    };
    const session = await laboratory.engine.load(new Uint8Array());
    const volume = { ...GRID, data, channels: 1 };
    const plain = await segment(session, await infoWith({}), volume);
    expect([...plain.labels.data]).toEqual([...data].map(value => Number(value > 0)));
    const lower = await segment(session, await infoWith({ thresholds: { blob: 0.25 } }), volume);
    expect([...lower.labels.data]).toEqual([...data].map(() => 1));
    const model = { session, info: await infoWith({ thresholds: { blob: 0.25 }, temperature: 2 }) };
    const both = await segmentWithEnsemble([model, model], volume, { confidence: true });
    expect(both.labels.data).toEqual(lower.labels.data);
    expect(both.confidence?.temperature).toBe(2);
    const other = { session, info: await infoWith({ thresholds: { blob: 0.3 }, temperature: 3 }) };
    const mixed = await segmentWithEnsemble([model, other], volume, { confidence: true });
    expect(mixed.labels.data).toEqual(plain.labels.data);
    expect(mixed.confidence?.temperature).toBeNull();
    expect(mixed.warnings.map(({ code }) => code)).toEqual(['W_DECODE', 'W_TEMPERATURE']);
  });

  it('chooses nothing without a validation case', async () => {
    const { optionsOf, bytes } = await setUp(1, { difference: 1, right: 0 });
    const options = optionsOf('decode: validated\npostprocess: { blob: { fillHoles: true } }\n');
    const data = { ...options.data, splits: { ...options.data.splits, val: [] } };
    expect(await choicesOf({ ...options, data }, bytes)).toEqual({ postprocess: { blob: { fillHoles: true } } });
  });
});
