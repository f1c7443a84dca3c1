/** A folder without any label: a student learns from a finished teacher alone. */
import { beforeAll, expect, it } from 'vitest';
import { writePhantomDataset } from '../../src/data/phantom.ts';
import { parseHistory } from '../../src/experiment/history.ts';
import { readModelFile } from '../../src/experiment/model-file.ts';
import { createNodeEngine } from '../../src/platform/node/engine.ts';
import { parseRecipe } from '../../src/recipe/parse.ts';
import { runExperiment, trainOneArm } from '../../src/study/run.ts';
import { createLaboratory } from '../support/laboratory.ts';
import { memoryFiles } from '../support/memory-files.ts';
import { tinyModel } from '../support/tiny-model.ts';
import { tinyRecipe } from '../support/tiny-recipe.ts';

const files = memoryFiles();
const laboratory = createLaboratory(await createNodeEngine({ threads: 1 }), files);
const WITHOUT = [
  'teacher={ onnx: teacher.onnx }',
  'preprocess={ orientation: stored }',
  'student.train={ steps: 4, batch: 0 }',
  'distill.unlabelled.batch=2',
  'baseline=false',
];
const recipe = (...more: readonly string[]) =>
  parseRecipe(tinyRecipe('data', 4), { path: 'recipe.yaml', overrides: [...WITHOUT, ...more] });

beforeAll(async () => {
  await writePhantomDataset(files, 'data', { seed: 5, cases: 3 });
  const described = JSON.parse(files.text('data/dataset.json'));
  const training = described.training.map(({ image }: { image: string }) => ({ image }));
  await files.write('data/dataset.json', JSON.stringify({ ...described, training }));
  await files.write('teacher.onnx', tinyModel(1));
});

it('trains a student from the answers of the teacher, and says nothing of the volumes of classes', async () => {
  const { models } = await trainOneArm(laboratory, recipe(), { arm: 'student', out: 'run', resume: false });
  const { metadata } = await readModelFile(files, models[0]!);
  expect(metadata.training).toMatchObject({
    cases: 3,
    images: { training: [{}, {}, {}].map(() => expect.any(String)) },
  });
  expect(metadata.training).not.toHaveProperty('classes');
  const history = parseHistory(files.text('run/student/history.csv'), 'history.csv');
  expect(Object.keys(history[0]!.losses)).toEqual(['total', 'softDice', 'gradientNorm']);
  expect(history).toHaveLength(4);
});

it('asks the teacher once for each patch where patches come again and its answers are kept', async () => {
  const kept = recipe('patch.repeatAfter=2', 'distill.softLabels=cache', 'student.train.steps=6');
  await trainOneArm(laboratory, kept, { arm: 'student', out: 'kept', resume: false });
  const answers = [...files.contents.keys()].filter(path => path.endsWith('.softlabels'));
  expect(answers).toHaveLength(2);
  expect(parseHistory(files.text('kept/student/history.csv'), 'history.csv')).toHaveLength(6);
});

it('refuses to compare arms on no test case before anything is trained', async () => {
  const failing = runExperiment(laboratory, recipe(), { out: 'whole', resume: false });
  await expect(failing).rejects.toMatchObject({ code: 'E_NO_CASES', message: expect.stringMatching(/--arm student$/) });
  expect(await files.list('whole')).toEqual([]);
});

it('says what a recipe needs where no case has a label', async () => {
  const labelled = recipe('student.train.batch=2', 'distill.unlabelled.batch=0');
  await expect(trainOneArm(laboratory, labelled, { arm: 'student', out: 'no', resume: false })).rejects.toMatchObject({
    code: 'E_NO_CASES',
    message: expect.stringContaining('student.train.batch: 0'),
  });
});

it.each([
  ['baseline=true', 'baseline'],
  ['distill.unlabelled.batch=0', 'distill.unlabelled.batch must be at least 1'],
  ['student.train.deepSupervision=true', 'deepSupervision'],
  ['teacher={ unet: { features: [4, 8] }, train: { steps: 4, batch: 0 } }', 'teacher.train.batch'],
])('refuses %s without labelled patches', (override, text) => {
  expect(() => recipe(override)).toThrow(expect.objectContaining({ message: expect.stringContaining(text) }));
});
