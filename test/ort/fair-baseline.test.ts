/**
 * The comparison is honest only if student and baseline differ in the teacher alone. With the weight of every
 * distillation term at 0 nothing of the teacher is left, so the two must train alike, step by step, whatever else the
 * student has: terms, adapters, unlabelled patches.
 */
import { beforeAll, describe, expect, it } from 'vitest';
import { writePhantomDataset } from '../../src/data/phantom.ts';
import { ARMS } from '../../src/experiment/record.ts';
import { createNodeEngine } from '../../src/platform/node/engine.ts';
import { parseRecipe } from '../../src/recipe/parse.ts';
import { trainOneArm } from '../../src/study/run.ts';
import { createLaboratory } from '../support/laboratory.ts';
import { memoryFiles } from '../support/memory-files.ts';
import { tinyRecipe } from '../support/tiny-recipe.ts';

const files = memoryFiles();
const laboratory = createLaboratory(await createNodeEngine({ threads: 1 }), files);
beforeAll(() => writePhantomDataset(files, 'data', { seed: 5, cases: 8 }));

const STEPS = 5;
const SHORT = [
  'optimizer.schedule.warmupSteps=2',
  'teacher.train.steps=1',
  'data.splits={ train: 0.75, val: 0, test: 0.25 }',
];
const HARD = ['learningRate', 'crossEntropy', 'dice'];

/** The hard part of a history, one row per step. */
function hardRows(path: string): readonly (readonly number[])[] {
  const [header = '', ...lines] = files.text(path).trim().split('\n');
  const columns = HARD.map(name => header.split(',').indexOf(name));
  expect(columns).not.toContain(-1);
  return lines.map(line => columns.map(column => Number(line.split(',')[column])));
}

/** Largest relative difference between student and baseline in any step. */
async function largestDifference(name: string, losses: string, ...overrides: readonly string[]): Promise<number> {
  const text = [`distill.losses=${losses}`, ...SHORT, ...overrides];
  const recipe = parseRecipe(tinyRecipe('data', STEPS), { path: 'recipe.yaml', overrides: text });
  for (const arm of ARMS) await trainOneArm(laboratory, recipe, { arm, out: name, resume: false });
  const [student, baseline] = ['student', 'baseline'].map(arm => hardRows(`${name}/${arm}/history.csv`));
  expect(student?.length).toBe(STEPS);
  const differences = student!.flatMap((row, step) =>
    row.map((value, column) => {
      const other = baseline![step]![column]!;
      return value === other ? 0 : Math.abs(value - other) / Math.max(Math.abs(value), Math.abs(other));
    }),
  );
  return Math.max(...differences);
}

describe('a student that takes nothing from its teacher trains as the baseline does', () => {
  it.each<[string, string, string[]]>([
    ['with soft targets', '[{ kd: { softWeight: 0, finalSoftWeight: 0 } }]', []],
    [
      'with adapters',
      '[{ hint: { studentLayer: encoder0, teacherLayer: encoder0, weight: 0 } }, { channelWise: { weight: 0 } }]',
      [],
    ],
    [
      'with unlabelled patches',
      '[{ kd: { softWeight: 0, finalSoftWeight: 0 } }]',
      ['data.splits.labelled=3', 'distill.unlabelled.batch=2'],
    ],
    [
      'with deep supervision',
      '[{ hint: { studentLayer: encoder0, teacherLayer: encoder0, weight: 0 } }]',
      ['student.unet.features=[2, 2, 2, 2]', 'student.train.deepSupervision=true'],
    ],
  ])('%s', async (name, losses, overrides) => {
    // measured: 0, 7e-8 and, where the batch is larger, 5e-6
    expect(await largestDifference(name, losses, ...overrides)).toBeLessThan(1e-4);
  });

  it('and one that does take something does not: the difference is seen', async () => {
    expect(await largestDifference('taught', '[{ kd: { softWeight: 1 } }]')).toBeGreaterThan(1e-3);
  });
});
