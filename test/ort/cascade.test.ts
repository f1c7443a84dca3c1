/**
 * Coarse to fine from data to evaluation. The bodies of these images stand in frames of zeros, and the coarse model
 * finds exactly the body, so that everything must be as on images without frames.
 */
import { beforeAll, describe, expect, it } from 'vitest';
import { openDataset } from '../../src/data/dataset.ts';
import { evaluateModel } from '../../src/experiment/evaluate.ts';
import { parseHistory } from '../../src/experiment/history.ts';
import { type ModelFile, openModel, readModelFile } from '../../src/experiment/model-file.ts';
import { predictFiles } from '../../src/experiment/predict.ts';
import { halvedModel, quantiseModel } from '../../src/experiment/quantise.ts';
import type { Arm } from '../../src/experiment/record.ts';
import { segment } from '../../src/inference/predictor.ts';
import { decodeModel } from '../../src/onnx/decode.ts';
import { replaceMetadata } from '../../src/onnx/edit.ts';
import { createNodeEngine } from '../../src/platform/node/engine.ts';
import { parseRecipe } from '../../src/recipe/parse.ts';
import { inspectPath } from '../../src/study/inspect.ts';
import { trainOneArm } from '../../src/study/run.ts';
import { decodeLabels, decodeNifti } from '../../src/volume/nifti.ts';
import { writeFramedDataset } from '../support/framed-dataset.ts';
import { createLaboratory, niftiOnly } from '../support/laboratory.ts';
import { memoryFiles } from '../support/memory-files.ts';
import { tinyRecipe } from '../support/tiny-recipe.ts';
import { bodyFinder } from '../support/two-stage-model.ts';

const FRAME = { before: [3, 5, 1], after: [4, 0, 2] } as const;
const files = memoryFiles();
const laboratory = createLaboratory(await createNodeEngine({ threads: 1 }), files);

beforeAll(async () => {
  await writeFramedDataset(files, FRAME, 4);
  // where the image is above 0.5
  files.contents.set('body.onnx', bodyFinder(0.5));
});

async function train(
  dataset: string,
  out: string,
  overrides: readonly string[],
  arm: Arm = 'teacher',
): Promise<ModelFile> {
  const all = ['data.splits={ train: 0.5, val: 0.25, test: 0.25 }', 'preprocess={ normalize: z-score }', ...overrides];
  const recipe = parseRecipe(tinyRecipe(dataset, 4), { path: 'recipe.yaml', overrides: all });
  const { models } = await trainOneArm(laboratory, recipe, { arm, out, resume: false });
  return readModelFile(files, models[0]!);
}

const IN_BODY = 'cascade={ coarse: body.onnx, marginMm: 0 }';
const network = ({ bytes }: ModelFile) => Buffer.from(replaceMetadata(bytes, {}));

describe('a recipe with a coarse model', () => {
  it('trains, chooses and evaluates as on images that are their region, and its file runs both stages', async () => {
    const tight = await train('tight', 'of-tight', []);
    const framed = await train('framed', 'of-framed', [IN_BODY]);
    expect(network(framed).equals(network(tight))).toBe(true);
    const diceOf = async (out: string) =>
      parseHistory(new TextDecoder().decode(await files.read(`${out}/teacher/history.csv`)), out).map(
        ({ validationDice }) => validationDice,
      );
    expect(await diceOf('of-framed')).toEqual(await diceOf('of-tight'));
    expect(framed.info.cascade).toEqual({ marginMm: 0 });
    expect(framed.coarse?.models[0]?.info.labels.map(({ name }) => name)).toEqual(['background', 'body']);
    expect(framed.info.temperature).toBe(tight.info.temperature);
    expect(framed.metadata.training?.extentMm).toEqual(tight.metadata.training?.extentMm);
    const evaluate = async (model: ModelFile, dataset: string, more = {}) =>
      evaluateModel(laboratory, {
        models: [model],
        dataset: await openDataset(files, dataset),
        ids: ['phantom_001', 'phantom_002'],
        split: 'all',
        window: {},
        surfaceToleranceMm: 1,
        predictions: `seen-${dataset}`,
        ...more,
      });
    const scores = ({ cases }: Awaited<ReturnType<typeof evaluate>>) =>
      cases.map(({ classes }) => Object.values(classes).map(({ dice, volumeMl }) => [dice, volumeMl]));
    const inRegion = await evaluate(framed, 'framed');
    expect(scores(inRegion)).toEqual(scores(await evaluate(tight, 'tight')));
    expect(scores(inRegion).flat(2)).not.toContain(null);
    expect(inRegion.model).toMatchObject({ path: 'of-framed/teacher/model.onnx', bytes: framed.bytes.length });
    // on whole images the same network is given other intensities
    expect(scores(await evaluate(framed, 'framed', { coarse: null, predictions: 'else' }))).not.toEqual(
      scores(inRegion),
    );
    const [prediction] = await predictFiles(laboratory, {
      models: [framed],
      input: 'framed/imagesTr/phantom_001.nii.gz',
      output: 'predicted.nii.gz',
      probabilities: false,
      window: {},
    });
    const labels = (path: string) => decodeLabels(files.contents.get(path)!, { path }).data;
    expect(labels('predicted.nii.gz')).toEqual(labels('seen-framed/phantom_001.nii.gz'));
    expect(prediction?.region?.start).toEqual([3, 5, 1]);
    const described = await inspectPath({ files, images: niftiOnly }, framed.path);
    expect(described).toMatchObject({ kind: 'model', coarse: { kind: 'model' }, use: { predict: 'yes' } });
    expect(JSON.stringify(described)).not.toContain('voxstill-coarse"');
  });

  it('gives a model that is refused where its coarse stage would be passed over', async () => {
    const framed = await readModelFile(files, 'of-framed/teacher/model.onnx');
    const { volume } = decodeNifti(files.contents.get('framed/imagesTr/phantom_001.nii.gz')!, { path: 'a' });
    const session = await openModel(laboratory.engine, framed);
    await expect(segment(session, framed.info, volume)).rejects.toMatchObject({ code: 'E_CASCADE' });
    await session.dispose();
    // what a reader that knows of no coarse stages looks for
    expect(decodeModel(framed.bytes, framed.path).metadata).not.toHaveProperty('voxstill');
  });

  it('keeps its coarse stage as it is in its smaller forms, of which the ranges come from the region alone', async () => {
    const framed = await readModelFile(files, 'of-framed/teacher/model.onnx');
    files.contents.set('half.onnx', await halvedModel(laboratory, framed));
    const half = await readModelFile(files, 'half.onnx');
    expect(half.coarse?.models[0]?.bytes).toEqual(framed.coarse?.models[0]?.bytes);
    expect(half.info.cascade).toEqual({ marginMm: 0 });
    expect(decodeModel(half.bytes, half.path).metadata).not.toHaveProperty('voxstill');
    const eightBits = async (file: ModelFile, dataset: string) => {
      const { bytes, after } = await quantiseModel(laboratory, {
        file,
        precision: '8bit',
        limits: { meanLoss: 1, classLoss: 1 },
        scoring: {
          dataset: await openDataset(files, dataset),
          ids: ['phantom_001'],
          split: 'all',
          window: {},
          surfaceToleranceMm: 1,
        },
      });
      files.contents.set('small.onnx', bytes);
      return { small: await readModelFile(files, 'small.onnx'), after };
    };
    const { small, after } = await eightBits(framed, 'framed');
    expect(small.metadata.precision).toBe('8bit');
    expect(small.coarse?.models[0]?.bytes).toEqual(framed.coarse?.models[0]?.bytes);
    expect(decodeModel(small.bytes, small.path).metadata).not.toHaveProperty('voxstill');
    const tight = await eightBits(await readModelFile(files, 'of-tight/teacher/model.onnx'), 'tight');
    expect(network(small).equals(network(tight.small))).toBe(true);
    expect(after.summary.meanDice.mean).toBe(tight.after.summary.meanDice.mean);
  });

  it('teaches in its region alone, where a student takes its coarse stage from its file', async () => {
    const onnx = 'of-framed/teacher/model.onnx';
    const taught = [`teacher={ onnx: ${onnx} }`, 'baseline=false'];
    await expect(train('framed', 'whole', taught, 'student')).rejects.toMatchObject({
      code: 'E_TEACHER_FIT',
      message: expect.stringContaining('cascade.coarse'),
    });
    const margin = [...taught, `cascade={ coarse: ${onnx}, marginMm: 9 }`];
    await expect(train('framed', 'wider', margin, 'student')).rejects.toMatchObject({ code: 'E_TEACHER_FIT' });
    const student = await train('framed', 'taught', [...taught, `cascade={ coarse: ${onnx}, marginMm: 0 }`], 'student');
    const plain = await train('tight', 'plain', ['teacher={ onnx: of-tight/teacher/model.onnx }'], 'student');
    expect(network(student).equals(network(plain))).toBe(true);
  });
});
