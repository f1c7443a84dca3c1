/** `sweep` through the program: shared units, an interruption and going on, growing a grid, and bad input. */
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { writePhantomDataset } from '../../src/data/phantom.ts';
import { nodeFiles } from '../../src/platform/node/files.ts';
import type { SweepRecord } from '../../src/study/sweep-record.ts';
import { contentsOf, readJson, sha256Of, temporaryFolder, voxstill } from '../support/program.ts';
import { tinyRecipe } from '../support/tiny-recipe.ts';

const folder = temporaryFolder();
const out = join(folder, 'sweep');
const FEATURES = 'student.unet.features=[[2,4],[1,2]]';
const LOSSES = 'distill.losses=[[{softDice: {}}],[{dist: {}}]]';
const SHORT = ['--set', 'evaluate.overlap=0', '--set', 'seeds=[1]'];

beforeAll(async () => {
  await writePhantomDataset(nodeFiles, join(folder, 'data'), { seed: 5, cases: 6 });
  writeFileSync(join(folder, 'tiny.yaml'), tinyRecipe(join(folder, 'data'), 4));
});
afterAll(() => rmSync(folder, { recursive: true }));

const sweep = (words: readonly string[], interruptWhen?: () => boolean) =>
  voxstill(['sweep', 'tiny.yaml', ...SHORT, ...words], { cwd: folder, ...(interruptWhen && { interruptWhen }) });
const record = () => readJson(join(out, 'sweep.json')) as SweepRecord;
const unitsOf = (kind: string) => readdirSync(join(out, 'units')).filter(name => name.startsWith(`${kind}-`));

/** The models that are there, by unit. */
function models(): Readonly<Record<string, string>> {
  const names = readdirSync(join(out, 'units')).filter(name => existsSync(join(out, 'units', name, 'model.onnx')));
  return Object.fromEntries(names.map(name => [name, sha256Of(join(out, 'units', name, 'model.onnx'))]));
}

describe('a sweep', () => {
  it('stops at Ctrl-C with what is finished kept', async () => {
    const isTaught = (): boolean =>
      existsSync(join(out, 'units')) &&
      unitsOf('teacher').some(name => existsSync(join(out, 'units', name, 'evaluation.json')));
    const call = await sweep(['--grid', FEATURES, '--out', 'sweep'], isTaught);
    expect(call.code).toBe(130);
    expect(record()).toMatchObject({
      status: 'stopped',
      grid: {
        'student.unet.features': [
          [2, 4],
          [1, 2],
        ],
      },
    });
    expect(Object.keys(models()).length).toBeGreaterThanOrEqual(1);
  });

  it('goes on when it is started again, and trains nothing twice', async () => {
    const before = models();
    const call = await sweep(['--grid', FEATURES, '--out', 'sweep', '--within', '0.5', '--json']);
    expect(call.code, call.stderr).toBe(0);
    expect(models()).toMatchObject(before);
    expect([unitsOf('teacher'), unitsOf('student'), unitsOf('baseline')].map(units => units.length)).toEqual([1, 2, 2]);
    const { status, results, combinations } = record();
    expect(status).toBe('done');
    expect(combinations.map(({ name }) => name)).toEqual(['features=2-4', 'features=1-2']);
    expect(JSON.parse(call.stdout)).toEqual({ sweep: 'sweep', report: 'sweep/report.html', results });
    for (const name of ['teacher', 'student features=2-4', 'student features=1-2', 'baseline features=1-2']) {
      expect(results?.arms[name]).toMatchObject({
        meanDice: expect.any(Number),
        validationDice: expect.any(Number),
        parameters: expect.any(Number),
        secondsPerCase: expect.any(Number),
      });
    }
    expect(results?.fronts.parameters.length).toBeGreaterThanOrEqual(1);
    expect(results?.choice).toMatchObject({ within: 0.5, sentence: expect.any(String) });
    const report = readFileSync(join(out, 'report.html'), 'utf8');
    expect(report).toContain('Dice against what it costs');
    expect(report).toContain('One seed per arm');
    expect(call.stderr).toContain(results?.choice?.sentence);
  });

  it('grows: more keys use the teacher and the baselines that are there', async () => {
    const before = models();
    const call = await sweep(['--grid', FEATURES, '--grid', LOSSES, '--out', 'sweep']);
    expect(call.code, call.stderr).toBe(0);
    const added = Object.keys(models()).filter(name => !(name in before));
    // the list with softDice alone is the default: those students are there
    expect(added.map(name => name.split('-')[0])).toEqual(['student', 'student']);
    expect(models()).toMatchObject(before);
    expect(record().results?.againstBaseline.filter(({ metric }) => metric === 'meanDice').length).toBe(4);
  });

  it('leaves in every unit a recipe that makes the same model by itself', async () => {
    const [teacher = ''] = unitsOf('teacher');
    const recipe = join(out, 'units', teacher, 'recipe.yaml');
    const call = await voxstill(['train', recipe, '--arm', 'teacher', '--out', 'alone'], { cwd: folder });
    expect(call.code, call.stderr).toBe(0);
    expect(sha256Of(join(folder, 'alone/teacher/model.onnx'))).toBe(models()[teacher]);
  });

  it('is evaluated again on the cases that each unit tested', async () => {
    const [student = ''] = unitsOf('student');
    const unit = join('sweep/units', student);
    const call = await voxstill(['evaluate', '--model', `${unit}/model.onnx`, '--data', 'data', '--json'], {
      cwd: folder,
    });
    const { cases } = JSON.parse(call.stdout) as { cases: { id: string }[] };
    const { test } = readJson(join(folder, unit, 'splits.json')) as { test: string[] };
    expect(cases.map(({ id }) => id).sort()).toEqual(test);
  });

  it('is compared and shown beside other results', async () => {
    const [teacher = ''] = unitsOf('teacher');
    const other = `sweep/units/${teacher}/evaluation.json`;
    const call = await voxstill(['compare', 'sweep', other, '--out', 'both.html', '--json'], { cwd: folder });
    expect(call.code, call.stderr).toBe(0);
    const { comparison } = JSON.parse(call.stdout) as {
      comparison: { arms: object; pairs: { a: string; b: string }[] };
    };
    const names = Object.keys(comparison.arms);
    expect(names.length).toBe(1 + 4 + 2 + 1);
    expect(names[0]).toMatch(/sweep teacher$/);
    // students are not tested against each other, but everything against what stands beside the sweep
    const pairs = new Set(comparison.pairs.map(({ a, b }) => JSON.stringify([a, b])));
    expect(pairs.size).toBe(4 + 4 + 7);
    expect(existsSync(join(folder, 'both.html'))).toBe(true);
  });
});

describe('before anything starts', () => {
  it.each([
    ['an unknown key', ['--grid', 'student.unet.featurs=[[2,4]]'], 'E_RECIPE_KEY', /did you mean "features"/],
    ['a grid that is none', ['--grid', 'student.unet.features'], 'E_GRID', /key=\[value, value/],
    ['two combinations that are the same', ['--grid', 'threads=[1,2]'], 'E_GRID', /train the same student/],
    [
      'a combination that does not fit the data',
      ['--grid', 'patch.size=[[16,24,16],[16,24,160]]'],
      'E_PATCH_TOO_LARGE',
      /in the combination size=16-24-160: patch 16x24x160/,
    ],
    [
      'a layer that a network lacks',
      ['--grid', 'distill.losses=[[{kd: {}}],[{attention: {studentLayer: nowhere, teacherLayer: encoder0}}]]'],
      'E_LAYER',
      /in the combination losses=attention.*nowhere/,
    ],
  ])('%s is refused', async (_, words, code, message) => {
    const before = contentsOf(folder);
    const call = await sweep([...words, '--out', 'refused']);
    expect(call).toMatchObject({ code: 2, stdout: '' });
    expect(call.stderr).toContain(`${code}: `);
    expect(call.stderr).toMatch(message);
    expect(contentsOf(folder)).toEqual(before);
  });

  it('a folder with something else in it is refused', async () => {
    const call = await sweep(['--grid', FEATURES, '--out', 'data']);
    expect(call).toMatchObject({ code: 2, stderr: expect.stringContaining('E_OUT_NOT_EMPTY') });
  });
});
