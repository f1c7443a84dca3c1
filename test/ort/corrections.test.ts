/**
 * A student that people correct, with a real engine: it learns from the teacher alone, proposes a case, goes on from
 * accepted labels, and is checked on a case that was kept apart.
 */
import { beforeAll, describe, expect, it } from 'vitest';
import { openDataset } from '../../src/data/dataset.ts';
import { loadCase } from '../../src/data/loaded-case.ts';
import { writePhantomDataset } from '../../src/data/phantom.ts';
import { readModelFile } from '../../src/experiment/model-file.ts';
import { openModels } from '../../src/experiment/open-models.ts';
import { segmentWithEnsemble } from '../../src/inference/predictor.ts';
import { createNodeEngine } from '../../src/platform/node/engine.ts';
import { parseRecipe } from '../../src/recipe/parse.ts';
import { keepConfirmed } from '../../src/study/correction/confirmed-cases.ts';
import { continueTraining } from '../../src/study/correction/continued.ts';
import { readCorrections } from '../../src/study/correction/corrections.ts';
import { checkMeans } from '../../src/study/correction/round-result.ts';
import { measureUnlabelled } from '../../src/study/correction/uncertain-cases.ts';
import { trainOneArm } from '../../src/study/run.ts';
import { createLaboratory } from '../support/laboratory.ts';
import { memoryFiles } from '../support/memory-files.ts';
import { tinyModel } from '../support/tiny-model.ts';
import { tinyRecipe } from '../support/tiny-recipe.ts';

const files = memoryFiles();
const laboratory = createLaboratory(await createNodeEngine({ threads: 1 }), files);
const recipe = parseRecipe(tinyRecipe('data/mri', 4), {
  path: 'recipe.yaml',
  overrides: [
    'teacher={ onnx: teacher.onnx }',
    'preprocess={ orientation: stored }',
    'data.splits={ file: splits.json }',
    'student.train={ steps: 4, batch: 0, learningRate: 0.01 }',
    'distill.unlabelled.batch=2',
    'baseline=false',
  ],
});
let ids: readonly string[];
const truth = new Map<string, Awaited<ReturnType<typeof loadCase>>['label']>();

/** Five phantoms without labels; the last one is in no split. */
beforeAll(async () => {
  await writePhantomDataset(files, 'data/mri', { seed: 5, cases: 5 });
  const labelled = await openDataset(files, 'data/mri');
  ids = labelled.cases.map(({ id }) => id);
  for (const item of labelled.cases) truth.set(item.id, (await loadCase(laboratory, labelled, item)).label);
  const described = JSON.parse(files.text('data/mri/dataset.json'));
  const training = described.training.map(({ image }: { image: string }) => ({ image }));
  await files.write('data/mri/dataset.json', JSON.stringify({ ...described, training }));
  const unlabelled = ids.slice(0, 4);
  await files.write('splits.json', JSON.stringify({ train: [], val: [], test: [], unlabelled }));
  await files.write('teacher.onnx', tinyModel(1));
  await trainOneArm(laboratory, recipe, { arm: 'student', out: 'run', resume: false });
});

const now = () => readCorrections(files, recipe);
async function confirm(id: string): Promise<void> {
  const { dataset } = await now();
  const at = '2026-11-28T12:00:00.000Z';
  await keepConfirmed(laboratory, dataset, { id, isCorrected: true, at, labels: truth.get(id)! });
}

/** Entropy of what a model finds, spelled out. */
async function meanEntropy(path: string, id: string): Promise<number> {
  const { dataset } = await now();
  const { models, close } = await openModels(laboratory.engine, [await readModelFile(files, path)]);
  const { image } = await loadCase(laboratory, dataset, dataset.cases.find(one => one.id === id)!);
  const { labels, probabilities } = await segmentWithEnsemble(models, image, {
    ...recipe.evaluate,
    probabilities: true,
  });
  await close();
  const found: number[] = [];
  labels.data.forEach((value, voxel) => {
    if (value === 0) return;
    const p = [0, 1, 2].map(k => probabilities!.data[k * labels.data.length + voxel]!);
    found.push(-p.reduce((sum, one) => sum + (one > 0 ? one * Math.log(one) : 0), 0) / Math.log(3));
  });
  return found.reduce((sum, one) => sum + one, 0) / found.length;
}

describe('a distillation that people correct', () => {
  it('proposes the case of which the student is least sure, and remembers what it measured', async () => {
    expect((await now()).next).toBeUndefined();
    const seen: string[] = [];
    await measureUnlabelled(laboratory, recipe, { onCase: ({ id }) => seen.push(id) });
    expect(seen).toEqual(ids.slice(0, 4));
    const { cases, next, student } = await now();
    expect(cases.map(({ state, isHeldOut }) => [state, isHeldOut])).toEqual([
      ...new Array(4).fill(['unlabelled', false]),
      ['check', true],
    ]);
    const values = await Promise.all(ids.slice(0, 4).map(id => meanEntropy(student, id)));
    values.forEach((value, place) => {
      expect(cases[place]?.uncertainty).toBeCloseTo(value, 4);
    });
    expect(next).toBe(ids[values.indexOf(Math.max(...values))]);
    await measureUnlabelled(laboratory, recipe, { onCase: ({ id }) => seen.push(`again ${id}`) });
    expect(seen).toHaveLength(4);
  });

  it('goes on from the student so far without a check where no case can check it', async () => {
    await confirm(ids[0]!);
    const result = await continueTraining(laboratory, recipe, { steps: 2 });
    expect(result).toEqual({ model: 'round-1/run/student/model.onnx', isTaken: true, trained: 1, cases: [] });
    const { student, cases, next } = await now();
    expect(student).toBe(result.model);
    expect(cases[0]).toMatchObject({ id: ids[0], state: 'corrected', isHeldOut: false, uncertainty: undefined });
    expect(cases[0]?.label).toBe(`data/confirmed-labels/${ids[0]}-1.nii.gz`);
    // what was measured of another student says nothing
    expect(next).toBeUndefined();
    const start = JSON.parse(files.text('round-1/run/student/start.json'));
    expect(start.missing ?? []).toEqual([]);
    expect(files.text('round-1.yaml')).toContain('from: run/student/model.onnx');
  });

  it('takes a student only if it is not worse on the cases that were kept apart', async () => {
    await confirm(ids[4]!);
    await confirm(ids[1]!);
    const result = await continueTraining(laboratory, recipe, { steps: 2 });
    const { before, after, n } = checkMeans(result)!;
    expect({ n, trained: result.trained, ids: result.cases.map(({ id }) => id) }).toEqual({
      n: 1,
      trained: 2,
      ids: [ids[4]],
    });
    expect(result.isTaken).toBe(after >= before);
    expect((await now()).student).toBe(`round-${result.isTaken ? 2 : 1}/run/student/model.onnx`);
    expect(JSON.parse(files.text('round-2/splits.json'))).toMatchObject({ train: [ids[0], ids[1]], test: [ids[4]] });
  });

  it('keeps the student before where the new one is worse', async () => {
    const { student, dataset } = await now();
    // the reference is what the student says itself, so that nothing can be better
    const { models, close } = await openModels(laboratory.engine, [await readModelFile(files, student)]);
    const { image } = await loadCase(laboratory, dataset, dataset.cases[4]!);
    const { labels } = await segmentWithEnsemble(models, image, recipe.evaluate);
    await close();
    const at = '2026-11-28T13:00:00.000Z';
    await keepConfirmed(laboratory, dataset, { id: ids[4]!, isCorrected: false, at, labels });
    const { train } = recipe.student;
    const wild = { ...recipe, student: { ...recipe.student, train: { ...train, learningRate: 5 } } };
    const result = await continueTraining(laboratory, wild, { steps: 2 });
    expect(result.cases).toEqual([{ id: ids[4], before: 1, after: expect.any(Number) }]);
    expect(result.cases[0]!.after).toBeLessThan(1);
    expect(result.isTaken).toBe(false);
    const after = await now();
    expect(after.student).toBe(student);
    expect(after.cases[4]).toMatchObject({ state: 'accepted', isHeldOut: true });
  });

  it('finishes an interrupted round before it begins another', async () => {
    const controller = new AbortController();
    const openBatches: typeof laboratory.openBatches = (...settings) => {
      const source = laboratory.openBatches(...settings);
      return {
        ...source,
        next: step => {
          if (step === 1) controller.abort(new Error('closed'));
          return source.next(step);
        },
      };
    };
    const interrupted = continueTraining({ ...laboratory, openBatches }, recipe, {
      steps: 4,
      signal: controller.signal,
    });
    await expect(interrupted).rejects.toThrow('closed');
    expect((await now()).rounds.at(-1)).toEqual({ number: 4, result: undefined });
    // a label that comes meanwhile is for the next round
    await confirm(ids[2]!);
    const result = await continueTraining(laboratory, recipe, { steps: 9 });
    expect(result).toMatchObject({ model: 'round-4/run/student/model.onnx', trained: 2 });
    expect(files.text('round-4/run/student/history.csv').trim().split('\n')).toHaveLength(1 + 4);
  });
});
