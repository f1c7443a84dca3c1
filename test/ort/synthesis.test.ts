/** A whole run on label maps alone: painted in every step, validated, tested and reported on painted images. */
import { beforeAll, describe, expect, it } from 'vitest';
import { writePhantomDataset } from '../../src/data/phantom.ts';
import type { Evaluation } from '../../src/experiment/record.ts';
import { createNodeEngine } from '../../src/platform/node/engine.ts';
import { parseRecipe } from '../../src/recipe/parse.ts';
import { silent } from '../../src/runtime/progress.ts';
import { readGallery } from '../../src/study/gallery.ts';
import { readRun } from '../../src/study/read-run.ts';
import { runExperiment } from '../../src/study/run.ts';
import { createLaboratory } from '../support/laboratory.ts';
import { memoryFiles } from '../support/memory-files.ts';
import { tinyRecipe } from '../support/tiny-recipe.ts';

const files = memoryFiles();
const laboratory = createLaboratory(await createNodeEngine({ threads: 1 }), files, silent);
const overrides = [
  'data.synthesize={ classes: { outer: 1, inner: 2 }, paintings: { val: 1, test: 2 } }',
  'evaluate.overlap=0',
];
const recipe = parseRecipe(tinyRecipe('maps', 4), { path: 'recipe.yaml', overrides });

beforeAll(async () => {
  await writePhantomDataset(files, 'data', { seed: 5, cases: 5 });
  for (const name of await files.list('data/labelsTr'))
    await files.write(`maps/${name}`, await files.read(`data/labelsTr/${name}`));
  await files.remove('data');
  await runExperiment(laboratory, recipe, { out: 'run', resume: false });
}, 120_000);

const json = <T>(path: string): T => JSON.parse(files.text(path)) as T;

describe('a run on label maps', () => {
  it('trains three arms and tests them on images of the test map', async () => {
    expect(json('run/run.json')).toMatchObject({ status: 'done' });
    const { val, test } = json<{ val: string[]; test: string[] }>('run/splits.json');
    expect([val.length, test.length]).toEqual([1, 2]);
    expect(test.map(id => id.slice(-4))).toEqual(['-p01', '-p02']);
    for (const arm of ['teacher', 'student', 'baseline']) {
      const { cases } = json<Evaluation>(`run/${arm}/evaluation.json`);
      expect(cases.map(({ id }) => id)).toEqual(test);
      expect(Object.keys(cases[0]!.classes)).toEqual(['outer', 'inner']);
      expect(await files.exists(`run/${arm}/predictions/${test[0]}.nii.gz`)).toBe(true);
    }
  });

  it('gives the same models and scores when it is run again', async () => {
    await runExperiment(laboratory, recipe, { out: 'again', resume: false });
    for (const arm of ['teacher', 'student', 'baseline']) {
      expect(files.contents.get(`again/${arm}/model.onnx`)).toEqual(files.contents.get(`run/${arm}/model.onnx`));
      const scores = (run: string) => json<Evaluation>(`${run}/${arm}/evaluation.json`).cases.map(one => one.meanDice);
      expect(scores('again')).toEqual(scores('run'));
    }
  }, 120_000);

  it('goes on where it stopped', async () => {
    const whole = files.contents.get('run/student/model.onnx');
    for (const name of ['model.onnx', 'evaluation.json', 'outcome.json']) await files.remove(`again/student/${name}`);
    await runExperiment(laboratory, recipe, { out: 'again', resume: true });
    expect(files.contents.get('again/student/model.onnx')).toEqual(whole);
  }, 120_000);

  it('distils a finished teacher on the same patches, also one that normalises otherwise', async () => {
    const asked = ['teacher={ onnx: run/teacher/model.onnx }', 'baseline=false', 'student.train.steps=2'];
    for (const normalize of ['min-max', 'z-score']) {
      const changes = [...overrides, ...asked, `preprocess.normalize=${normalize}`];
      const own = parseRecipe(tinyRecipe('maps', 4), { path: 'recipe.yaml', overrides: changes });
      const out = `taught by ${normalize}`;
      await runExperiment(laboratory, own, { out, resume: false });
      const [header = '', ...rows] = files.text(`${out}/student/history.csv`).trim().split('\n');
      const column = header.split(',').findIndex(name => name.startsWith('softDice'));
      expect(column).toBeGreaterThan(0);
      expect(rows.map(row => Number(row.split(',')[column])).every(value => value > 0 && value < 1)).toBe(true);
    }
  }, 120_000);

  it('shows painted images in its report', async () => {
    const gallery = await readGallery(laboratory, await readRun(files, 'run'));
    expect(gallery.length).toBeGreaterThan(0);
    const [{ loaded, labelNames }] = gallery as [(typeof gallery)[number]];
    expect(loaded.id).toMatch(/-p0[12]$/);
    expect(labelNames).toEqual(['background', 'outer', 'inner']);
    expect(new Set(loaded.image.data).size).toBeGreaterThan(100);
  });
});
