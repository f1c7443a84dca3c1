/** `student.export` in a whole run: one more arm, or a warning where the form is not kept. */
import { beforeAll, describe, expect, it } from 'vitest';
import { reportRun } from '../../src/cli/run-text.ts';
import { writePhantomDataset } from '../../src/data/phantom.ts';
import { readModelFile } from '../../src/experiment/model-file.ts';
import type { Evaluation } from '../../src/experiment/record.ts';
import { createNodeEngine } from '../../src/platform/node/engine.ts';
import { parseRecipe } from '../../src/recipe/parse.ts';
import type { Comparison } from '../../src/study/comparison/comparison.ts';
import { runExperiment } from '../../src/study/run.ts';
import { createLaboratory, sha256 } from '../support/laboratory.ts';
import { memoryFiles } from '../support/memory-files.ts';
import { tinyRecipe } from '../support/tiny-recipe.ts';

const files = memoryFiles();
const laboratory = createLaboratory(await createNodeEngine({ threads: 1 }), files);
const json = <T>(path: string): T => JSON.parse(files.text(path)) as T;

function recipeOf(exported: string) {
  const overrides = ['baseline=false', 'evaluate.overlap=0', `student.export=${exported}`];
  return parseRecipe(tinyRecipe('data', 2), { path: 'recipe.yaml', overrides });
}

beforeAll(() => writePhantomDataset(files, 'data', { seed: 5, cases: 5 }));

describe('student.export', () => {
  let comparison: Comparison;
  const KEPT = '{ precision: 8bit, meanLoss: 1, classLoss: 1 }';
  beforeAll(async () => {
    comparison = await runExperiment(laboratory, recipeOf(KEPT), { out: 'run', resume: false });
  });

  it('makes the form one more arm, scored on the test cases', async () => {
    expect(Object.keys(comparison.arms)).toEqual(['teacher', 'student', 'student-8bit']);
    expect(comparison.pairs.some(({ a, b }) => [a, b].includes('student-8bit'))).toBe(true);
    const [small, student] = ['student-8bit', 'student'].map(arm => json<Evaluation>(`run/${arm}/evaluation.json`));
    expect(small!.cases.map(({ id }) => id)).toEqual(student!.cases.map(({ id }) => id));
    const { metadata } = await readModelFile(files, 'run/student-8bit/model.onnx');
    expect(metadata).toMatchObject({
      precision: '8bit',
      madeFrom: sha256(files.contents.get('run/student/model.onnx')!),
    });
  });

  it('is a column of the report', async () => {
    const { text } = await reportRun(laboratory, 'run');
    expect(text).toContain('student-8bit');
    const report = files.text('run/report.html');
    for (const arm of ['teacher', 'student', 'student-8bit']) {
      expect(report.match(new RegExp(`<t[hd][^>]*>(<[^>]*>)*${arm}<`, 'g'))?.length).toBeGreaterThan(1);
    }
  });

  it('is made again where the student is another one', async () => {
    const before = files.contents.get('run/student-8bit/model.onnx')!;
    const forget = async (): Promise<void> => files.remove('run/student/work/outcome.json');
    files.contents.set('run/student-8bit/evaluation.json', new TextEncoder().encode('{}'));
    await forget();
    // the student is the same, so what is there counts
    await runExperiment(laboratory, recipeOf(KEPT), { out: 'run', resume: true }).catch(() => undefined);
    expect(files.text('run/student-8bit/evaluation.json')).toBe('{}');
    files.contents.set('run/student-8bit/model.onnx', files.contents.get('run/student/model.onnx')!);
    await forget();
    await runExperiment(laboratory, recipeOf(KEPT), { out: 'run', resume: true });
    expect(files.contents.get('run/student-8bit/model.onnx')).toEqual(before);
    expect(json<Evaluation>('run/student-8bit/evaluation.json').split).toBe('test');
  });

  it('leaves the run without it where it is not kept, and says so in the record', async () => {
    const { val: _val, ...none } = json<{ train: string[]; val: string[]; test: string[] }>('run/splits.json');
    files.contents.set('splits.json', new TextEncoder().encode(JSON.stringify({ ...none, val: [] })));
    const recipe = parseRecipe(tinyRecipe('data', 2), {
      path: 'recipe.yaml',
      overrides: [
        'baseline=false',
        'evaluate.overlap=0',
        'student.export.precision=8bit',
        'data.splits={ file: splits.json }',
      ],
    });
    const { arms } = await runExperiment(laboratory, recipe, { out: 'bare', resume: false });
    expect(Object.keys(arms)).toEqual(['teacher', 'student']);
    expect(json('bare/run.json')).toMatchObject({
      status: 'done',
      warnings: expect.arrayContaining([
        { code: 'W_QUANTISE', message: expect.stringMatching(/^student has no form in 8bit: E_NO_CASES: /) },
      ]),
    });
    expect(await files.exists('bare/student-8bit/model.onnx')).toBe(false);
  });
});
