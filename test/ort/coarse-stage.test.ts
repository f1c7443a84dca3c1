/**
 * A recipe that trains its coarse stage itself: the result is that of two recipes, one after the other, and it is the
 * same after a stop at any place.
 */
import { beforeAll, expect, it } from 'vitest';
import type { Laboratory } from '../../src/experiment/laboratory.ts';
import { readModelFile } from '../../src/experiment/model-file.ts';
import { createNodeEngine } from '../../src/platform/node/engine.ts';
import { recipeOfCoarse, trainedCoarse } from '../../src/recipe/coarse-recipe.ts';
import { parseRecipe } from '../../src/recipe/parse.ts';
import { externalTeacherSchema } from '../../src/recipe/schema/teacher.ts';
import { readRun } from '../../src/study/read-run.ts';
import { planRun, runExperiment, trainOneArm } from '../../src/study/run.ts';
import { readUnits } from '../../src/study/units/units-file.ts';
import { writeFramedDataset } from '../support/framed-dataset.ts';
import { createLaboratory, sha256 } from '../support/laboratory.ts';
import { memoryFiles } from '../support/memory-files.ts';
import { tinyRecipe } from '../support/tiny-recipe.ts';

const files = memoryFiles();
const laboratory = createLaboratory(await createNodeEngine({ threads: 1 }), files);
const SPLITS = 'data.splits={ train: 0.5, val: 0.25, test: 0.25 }';

beforeAll(() => writeFramedDataset(files, { before: [3, 5, 1], after: [4, 0, 2] }, 4));

const recipe = parseRecipe(tinyRecipe('framed', 2), {
  path: 'recipe.yaml',
  overrides: [
    SPLITS,
    'patch.size=[16, 16, 16]',
    'preprocess={ normalize: z-score }',
    'teacher={ unet: { features: [2, 4] }, train: { steps: 4, batch: 1, validateEvery: 2 } }',
    'student={ unet: { features: [2] }, train: { steps: 2, batch: 1 } }',
    'baseline=false',
    'postprocess=none',
    'evaluate={ overlap: 0 }',
    'cascade={ coarse: { spacingMm: [3, 3, 3], patch: { size: [16, 16, 16] }, unet: { features: [2, 4] }, train: { steps: 4, batch: 1, validateEvery: 2 } }, marginMm: 3 }',
  ],
});
const coarse = trainedCoarse(recipe)!;

async function hashesIn(out: string): Promise<Readonly<Record<string, string>>> {
  const names = ['coarse/model.onnx', 'teacher/model.onnx', 'student/model.onnx'];
  const hashes = await Promise.all(names.map(async name => sha256(await files.read(`${out}/${name}`))));
  return Object.fromEntries(names.map((name, index) => [name, hashes[index] as string]));
}

it('trains as two recipes do, evaluates both stages, and compares the fine ones alone', async () => {
  const comparison = await runExperiment(laboratory, recipe, { out: 'run', resume: false });
  expect(Object.keys(comparison.arms)).toEqual(['teacher', 'student']);
  const whole = { ...recipeOfCoarse(recipe, coarse), baseline: true };
  await trainOneArm(laboratory, whole, { arm: 'baseline', out: 'first', resume: false });
  const named = { ...recipe, cascade: { coarse: 'first/baseline/model.onnx', marginMm: 3 } };
  await trainOneArm(laboratory, named, { arm: 'teacher', out: 'second', resume: false });
  const run = await hashesIn('run');
  expect(sha256(await files.read('first/baseline/model.onnx'))).toBe(run['coarse/model.onnx']);
  expect(sha256(await files.read('second/teacher/model.onnx'))).toBe(run['teacher/model.onnx']);
  const { info, coarse: inFile } = await readModelFile(files, 'run/student/model.onnx');
  expect(info.cascade).toEqual({ marginMm: 3 });
  expect(inFile?.models[0]?.info.spacingMm).toEqual([3, 3, 3]);
  expect((await readUnits(files, 'run')).units.map(unit => [unit.arm, unit.coarse, unit.teacher])).toEqual([
    ['coarse', undefined, undefined],
    ['teacher', 0, undefined],
    ['student', 0, 1],
  ]);
  const read = await readRun(files, 'run');
  expect(read.coarse?.repeats.map(({ evaluation }) => evaluation.cases.length)).toEqual([1]);
  expect(read.arms.map(({ name }) => name)).toEqual(['teacher', 'student']);
  expect(Object.keys(read.histories)).toEqual(['coarse', 'teacher', 'student']);
});

it('goes on exactly after a stop in the coarse stage, and after one behind it', async () => {
  const out = 'stopped';
  /** Runs until the third batch of the training of this number. */
  const runUntil = async (training: number, resume: boolean) => {
    const controller = new AbortController();
    let opened = 0;
    const openBatches: Laboratory['openBatches'] = (...settings) => {
      const source = laboratory.openBatches(...settings);
      const own = ++opened;
      const next: typeof source.next = step => {
        if (own === training && step === 2) controller.abort(new Error('stopped by hand'));
        return source.next(step);
      };
      return { close: source.close, next };
    };
    const options = { out, resume, signal: controller.signal };
    await expect(runExperiment({ ...laboratory, openBatches }, recipe, options)).rejects.toThrow('stopped by hand');
  };
  await runUntil(1, false);
  expect(await files.exists(`${out}/coarse/model.onnx`)).toBe(false);
  await runUntil(2, true);
  expect(await files.exists(`${out}/coarse/model.onnx`)).toBe(true);
  expect(await files.exists(`${out}/teacher/model.onnx`)).toBe(false);
  await runExperiment(laboratory, recipe, { out, resume: true });
  expect(await hashesIn(out)).toEqual(await hashesIn('run'));
});

it('checks what waits for the coarse stage before it is trained', async () => {
  const taughtBy = (onnx: string) =>
    planRun(
      laboratory,
      {
        ...recipe,
        teacher: externalTeacherSchema.parse({ onnx }),
        preprocess: { ...recipe.preprocess, spacingMm: [3, 3, 3] },
      },
      { out: 'planned', resume: false },
    );
  // knows nothing but the region of its own coarse stage
  await expect(taughtBy('run/teacher/model.onnx')).rejects.toMatchObject({ code: 'E_TEACHER_FIT' });
  const { units } = await taughtBy('first/baseline/model.onnx');
  expect(units.map(({ arm }) => arm)).toEqual(['coarse', 'teacher', 'student']);
  const late = { ...recipe, student: { ...recipe.student, train: { ...recipe.student.train, from: 'none.onnx' } } };
  await expect(planRun(laboratory, late, { out: 'planned', resume: false })).rejects.toMatchObject({ exitCode: 2 });
  expect(await files.list('planned')).toEqual([]);
});

it('says that the coarse stage is missing where one arm alone is to be trained, and what trains it', async () => {
  const options = { out: 'alone', resume: false } as const;
  await expect(trainOneArm(laboratory, recipe, { ...options, arm: 'teacher' })).rejects.toMatchObject({
    code: 'E_COARSE_MISSING',
    message: expect.stringContaining('--arm coarse'),
  });
  await trainOneArm(laboratory, recipe, { ...options, arm: 'coarse' });
  expect(sha256(await files.read('alone/coarse/model.onnx'))).toBe((await hashesIn('run'))['coarse/model.onnx']);
  const plain = { ...recipe, cascade: null };
  await expect(trainOneArm(laboratory, plain, { ...options, out: 'none', arm: 'coarse' })).rejects.toMatchObject({
    code: 'E_ARM',
    message: 'the recipe has no coarse stage to train: it has no cascade',
  });
});
