/** The run folder: its layout, and who may write into it. */
import { describe, expect, it } from 'vitest';
import { parseRecipe, stringifyRecipe } from '../../../src/recipe/parse.ts';
import { writeJson } from '../../../src/runtime/json-file.ts';
import { freshFolder, openRunFolder, runFolder } from '../../../src/study/folder.ts';
import { memoryFiles } from '../../support/memory-files.ts';

describe('runFolder', () => {
  it('puts the first seed at the top and further seeds below', () => {
    const run = runFolder('out', { folds: [null], seeds: [7, 2] });
    expect(run.arm('student', { fold: null, seed: 7 }).model).toBe('out/student/model.onnx');
    expect(run.arm('student', { fold: null, seed: 2 }).evaluation).toBe('out/seed-2/student/evaluation.json');
    expect(run.arm('teacher', { fold: null, seed: 7 }).checkpoint).toBe('out/teacher/checkpoint');
    expect([run.recipe, run.record, run.splits, run.comparison, run.report]).toEqual([
      'out/recipe.yaml',
      'out/run.json',
      'out/splits.json',
      'out/comparison.json',
      'out/report.html',
    ]);
  });
});

it('the first fold lies at the top and further folds below, each with its splits and seeds', () => {
  const run = runFolder('out', { folds: [0, 1], seeds: [7, 2] });
  expect(run.arm('student', { fold: 0, seed: 7 }).model).toBe('out/student/model.onnx');
  expect(run.arm('student', { fold: 1, seed: 7 }).model).toBe('out/fold-1/student/model.onnx');
  expect(run.arm('baseline', { fold: 1, seed: 2 }).folder).toBe('out/fold-1/seed-2/baseline');
  expect([0, 1].map(run.splitsOf)).toEqual(['out/splits.json', 'out/fold-1/splits.json']);
});

describe('openRunFolder', () => {
  const run = runFolder('out', { folds: [null], seeds: [1] });

  it('keeps the recipe in a new folder', async () => {
    const files = memoryFiles();
    await openRunFolder(files, run, { recipe: 'a: 1\n', resume: false });
    expect(files.text('out/recipe.yaml')).toBe('a: 1\n');
  });

  it('refuses a folder with something in it unless asked to go on', async () => {
    const files = memoryFiles({ 'out/recipe.yaml': 'a: 1\n' });
    const open = (resume: boolean) => openRunFolder(files, run, { recipe: 'a: 1\n', resume });
    await expect(open(false)).rejects.toMatchObject({ code: 'E_OUT_NOT_EMPTY', exitCode: 2 });
    await expect(open(true)).resolves.toBe('a: 1\n');
  });

  it('lets one arm join a run of the same recipe, once', async () => {
    const files = memoryFiles({ 'out/recipe.yaml': 'a: 1\n', 'out/teacher/model.onnx': '' });
    const open = (part: string) => openRunFolder(files, run, { recipe: 'a: 1\n', resume: false, part });
    await expect(open('out/student')).resolves.toBe('a: 1\n');
    await expect(open('out/teacher')).rejects.toMatchObject({ code: 'E_OUT_NOT_EMPTY' });
  });

  it('never mixes two recipes, and shows where they differ', async () => {
    const files = memoryFiles({ 'out/recipe.yaml': 'a: 1\nb: 2\n' });
    await expect(openRunFolder(files, run, { recipe: 'a: 1\nb: 3\n', resume: true })).rejects.toMatchObject({
      code: 'E_RESUME_RECIPE',
      message: expect.stringContaining('line 2 of its recipe.yaml says "b: 2", now "b: 3"'),
    });
    expect(files.text('out/recipe.yaml')).toBe('a: 1\nb: 2\n');
  });

  it('goes on where an earlier version wrote the recipe, without the keys that there are since', async () => {
    const text = `data: { dataset: /data }
teacher: { unet: { features: [4] }, train: { steps: 2, batch: 1 } }
student: { unet: { features: [2] }, train: { steps: 2, batch: 1 } }
patch: { size: [8, 8, 8] }
`;
    const recipe = stringifyRecipe(parseRecipe(text, { path: 'recipe.yaml' }));
    const earlier = recipe
      .split('\n')
      .filter(line => !/^ +(repeatAfter|accumulate):|^device:/.test(line))
      .join('\n');
    expect(earlier.length).toBeLessThan(recipe.length - 40);
    const files = memoryFiles({ 'out/recipe.yaml': earlier });
    await expect(openRunFolder(files, run, { recipe, resume: true })).resolves.toBe(earlier);
    const other = recipe.replace('repeatAfter: null', 'repeatAfter: 3');
    await expect(openRunFolder(files, run, { recipe: other, resume: true })).rejects.toMatchObject({
      code: 'E_RESUME_RECIPE',
      message: expect.stringContaining(': its recipe.yaml says "repeatAfter: null", now "repeatAfter: 3". '),
    });
    // what differs is named, not the keys that the folder lacks, with its line there
    const longer = recipe.replace(/(student:[\s\S]*?steps: )2/, (_, start: string) => `${start}7`);
    const line =
      1 +
      earlier
        .split('\n')
        .findIndex((one, at, all) => /steps: 2/.test(one) && all.slice(0, at).some(two => /steps: 2/.test(two)));
    await expect(openRunFolder(files, run, { recipe: longer, resume: true })).rejects.toMatchObject({
      message: expect.stringContaining(`line ${line} of its recipe.yaml says "steps: 2", now "steps: 7"`),
    });
    expect(files.text('out/recipe.yaml')).toBe(earlier);
  });
});

it('a fresh folder is the first with nothing in it', async () => {
  const files = memoryFiles({ 'runs/demo/a': '', 'runs/demo-2/a': '' });
  expect(await freshFolder(files, 'runs/demo')).toBe('runs/demo-3');
  expect(await freshFolder(files, 'runs/other')).toBe('runs/other');
});

it('records are JSON that people can read', async () => {
  const files = memoryFiles();
  await writeJson(files, 'x.json', { mean: Number.NaN, n: 0 });
  expect(files.text('x.json')).toBe('{\n  "mean": null,\n  "n": 0\n}\n');
});
