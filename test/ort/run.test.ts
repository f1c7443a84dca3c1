/** A whole run in memory: folds and seeds, what lies where, and what a resume does again. */
import { beforeAll, describe, expect, it } from 'vitest';
import { writePhantomDataset } from '../../src/data/phantom.ts';
import type { Evaluation } from '../../src/experiment/record.ts';
import { createNodeEngine } from '../../src/platform/node/engine.ts';
import { parseRecipe } from '../../src/recipe/parse.ts';
import { silent } from '../../src/runtime/progress.ts';
import type { Comparison } from '../../src/study/comparison/comparison.ts';
import { readRun } from '../../src/study/read-run.ts';
import { runExperiment } from '../../src/study/run.ts';
import { createLaboratory } from '../support/laboratory.ts';
import { memoryFiles } from '../support/memory-files.ts';
import { tinyRecipe } from '../support/tiny-recipe.ts';

const CASES = 6;
const files = memoryFiles();
const started: string[] = [];
const progress = {
  ...silent,
  task: (label: string, total: number, unit: string) => {
    started.push(label);
    return silent.task(label, total, unit);
  },
};
const laboratory = createLaboratory(await createNodeEngine({ threads: 1 }), files, progress);
const overrides = [
  'data.splits={ folds: 2, val: 0 }',
  'seeds=[3, 4]',
  'evaluate.overlap=0',
  'teacher.unet.features=[3, 6]',
];
const recipe = parseRecipe(tinyRecipe('data', 2), { path: 'recipe.yaml', overrides });
const REPEATS = ['', 'seed-4/', 'fold-1/', 'fold-1/seed-4/'];
const ARMS = ['teacher', 'student', 'baseline'];

let comparison: Comparison;
beforeAll(async () => {
  await writePhantomDataset(files, 'data', { seed: 5, cases: CASES });
  comparison = await runExperiment(laboratory, recipe, { out: 'run', resume: false });
}, 120_000);

const json = <T>(path: string): T => JSON.parse(files.text(path)) as T;

describe('a cross-validation with several seeds', () => {
  it('trains and evaluates every arm of every fold and seed in a folder of its own', async () => {
    for (const arm of REPEATS.flatMap(repeat => ARMS.map(name => `run/${repeat}${name}`))) {
      for (const file of ['model.onnx', 'history.csv', 'evaluation.json']) {
        expect(await files.exists(`${arm}/${file}`), `${arm}/${file}`).toBe(true);
      }
    }
    expect(json('run/run.json')).toMatchObject({ status: 'done', seeds: [3, 4], folds: [0, 1] });
  });

  it('tests every case once, in the fold whose splits name it', () => {
    const splits = ['run', 'run/fold-1'].map(folder =>
      json<{ test: string[]; train: string[] }>(`${folder}/splits.json`),
    );
    expect(new Set(splits.flatMap(({ test }) => test)).size).toBe(CASES);
    for (const [fold, { test, train }] of splits.entries()) {
      const folder = fold === 0 ? 'run' : 'run/fold-1';
      const { cases } = json<Evaluation>(`${folder}/student/evaluation.json`);
      expect(cases.map(({ id }) => id).sort()).toEqual(test);
      expect(test.some(id => train.includes(id))).toBe(false);
    }
    for (const { n, models } of comparison.pairs) {
      expect(n).toBeLessThanOrEqual(CASES);
      expect(models).toEqual([4, 4]);
    }
  });

  it('has an entry per seed and per fold beside the pooled one', () => {
    for (const arm of ARMS) {
      expect(comparison.arms[arm]).toMatchObject({ meanDice: expect.any(Number), parameters: expect.any(Number) });
      expect(Object.keys(comparison.arms[arm]!.seeds!)).toEqual(['3', '4']);
      expect(Object.keys(comparison.arms[arm]!.folds!)).toEqual(['0', '1']);
    }
  });

  it('is read back as it was compared', async () => {
    const { arms, repeats } = await readRun(files, 'run');
    expect(repeats).toEqual({ folds: [0, 1], seeds: [3, 4] });
    expect(arms.map(({ name, repeats: all }) => [name, all.length])).toEqual(ARMS.map(arm => [arm, 4]));
  });

  it('does no finished unit again on resume, and an unfinished one to the same result', async () => {
    const before = new Map(files.contents);
    for (const path of [...files.contents.keys()])
      if (path.startsWith('run/fold-1/student/')) files.contents.delete(path);
    started.length = 0;
    const again = await runExperiment(laboratory, recipe, { out: 'run', resume: true });
    expect(started.filter(label => !label.startsWith('reading'))).toEqual([
      'fold-1/student',
      'evaluating fold-1/student',
    ]);
    const dice = ({ arms }: Comparison) => Object.values(arms).map(({ meanDice }) => meanDice);
    expect(dice(again)).toEqual(dice(comparison));
    for (const path of ['run/fold-1/student/model.onnx', 'run/splits.json', 'run/recipe.yaml']) {
      expect(Buffer.from(files.contents.get(path)!).equals(before.get(path)!), path).toBe(true);
    }
  });
});

describe('a finished teacher of several seeds', () => {
  const evaluated = (): readonly string[] => started.filter(label => label.startsWith('evaluating'));
  const run = (out: string, seeds: string, resume = false) =>
    runExperiment(
      laboratory,
      parseRecipe(tinyRecipe('data', 2), {
        path: 'recipe.yaml',
        overrides: [`seeds=${seeds}`, 'baseline=false', 'evaluate.overlap=0', 'teacher={ onnx: taught.onnx }'],
      }),
      { out, resume },
    );

  it('is asked about each case once', async () => {
    await files.write('taught.onnx', await files.read('run/teacher/model.onnx'));
    started.length = 0;
    const { arms } = await run('finished', '[1, 2]');
    expect(evaluated()).toEqual(['evaluating teacher', 'evaluating student', 'evaluating seed-2/student']);
    expect(Object.keys(arms['teacher']!.seeds!)).toEqual(['1', '2']);
    const inFolder = (folder: string) => [...files.contents].filter(([path]) => path.startsWith(folder));
    const [first, second] = ['finished/teacher/', 'finished/seed-2/teacher/'].map(folder =>
      inFolder(folder)
        .filter(([path]) => !/\/(work\/|recipe)/.test(path))
        .map(([path, bytes]) => [path.slice(folder.length), Buffer.from(bytes).toString('hex')]),
    );
    expect(first!.map(([path]) => path)).toEqual(expect.arrayContaining(['evaluation.json', 'splits.json']));
    expect(first!.some(([path]) => path!.startsWith('predictions/'))).toBe(true);
    expect(second).toEqual(first);
  });

  it('and must stay what it was: the run does not go on where its file has changed since', async () => {
    await files.write('taught.onnx', await files.read('run/seed-4/teacher/model.onnx'));
    for (const path of [...files.contents.keys()])
      if (path.startsWith('finished/seed-2/teacher/')) files.contents.delete(path);
    started.length = 0;
    await expect(run('finished', '[1, 2]', true)).rejects.toThrow(
      /data have changed since .* was started: taught\.onnx/,
    );
    expect(evaluated()).toEqual([]);
  });
});

describe('a run that stops early', () => {
  it('says in its record and its states how many steps each arm took', async () => {
    await writePhantomDataset(files, 'few', { seed: 5, cases: 5 });
    const own = parseRecipe(tinyRecipe('few', 8), {
      path: 'recipe.yaml',
      // the parameters stay as they are, so no validation is better than the first
      overrides: [
        'student.train={ steps: 8, batch: 1, validateEvery: 2, learningRate: 1e-12, earlyStop: { patience: 1 } }',
        'evaluate.overlap=0',
      ],
    });
    await runExperiment(laboratory, own, { out: 'stopped', resume: false });
    const record = json<{ trainedSteps: object; warnings: readonly object[] }>('stopped/run.json');
    expect(record.trainedSteps).toEqual({
      teacher: { steps: 8, planned: 8 },
      student: { steps: 4, planned: 8 },
      baseline: { steps: 4, planned: 8 },
    });
    expect(JSON.stringify(record.warnings)).not.toContain('W_STEPS_DIFFER');
    expect(json('stopped/student/work/outcome.json')).toMatchObject({ training: { steps: 4, planned: 8 } });
    expect((await readRun(files, 'stopped')).record?.trainedSteps).toEqual(record.trainedSteps);
  }, 60_000);
});
