/** Steps of trainings that may end early: what is told of them. */
import { describe, expect, it } from 'vitest';
import { armFolder } from '../../../src/experiment/arm-folder.ts';
import { formatHistory } from '../../../src/experiment/history.ts';
import { parseRecipe } from '../../../src/recipe/parse.ts';
import { noteText } from '../../../src/report/unit-text.ts';
import { type StepsOfUnit, stepWarnings } from '../../../src/study/trained-steps.ts';
import type { UnitReport } from '../../../src/study/units/state.ts';
import { trainedStepsOf } from '../../../src/study/units/steps-of-unit.ts';
import { memoryFiles } from '../../support/memory-files.ts';
import { tinyRecipe } from '../../support/tiny-recipe.ts';

const unit = (arm: string, seed: number, steps: number | undefined): StepsOfUnit => ({
  ...{ arm, seed, fold: null, label: seed === 1 ? arm : `seed-${seed}/${arm}` },
  trained: steps === undefined ? undefined : { steps, planned: 100 },
});

describe('student and baseline', () => {
  it('are listed apart where they ended at different steps, with the first such pair', () => {
    const units = [
      ...[unit('teacher', 1, 40), unit('student', 1, 60), unit('baseline', 1, 60)],
      ...[unit('student', 2, 70), unit('baseline', 2, 50)],
    ];
    expect(stepWarnings(units)).toEqual([
      {
        code: 'W_STEPS_DIFFER',
        message: expect.stringMatching(/\(seed-2\/student: 70 against 50 of 100\)\. .*student\.train\.earlyStop out/),
      },
    ]);
    const more = [...units, unit('student', 3, 10), unit('baseline', 3, 20)];
    expect(stepWarnings(more)[0]?.message).toContain('and so with 2 of 3 pairs');
  });

  it('are not reported where they did the same, or where one is missing', () => {
    expect(stepWarnings([unit('student', 1, 60), unit('baseline', 1, 60), unit('teacher', 1, 20)])).toEqual([]);
    expect(stepWarnings([unit('student', 1, 60), unit('baseline', 2, 50)])).toEqual([]);
    expect(stepWarnings([unit('student', 1, 60), unit('baseline', 1, undefined)])).toEqual([]);
  });
});

describe('the steps of a unit', () => {
  it('are those of its history, and of none for a finished model', async () => {
    const files = memoryFiles();
    const folder = armFolder('run/teacher');
    const row = (step: number) => ({ step, epoch: 0, seconds: step, learningRate: 0.1, losses: { total: 1 } });
    await files.write(folder.history, formatHistory([row(1), row(2), row(3)]));
    const own = parseRecipe(tinyRecipe('data', 12), { path: 'recipe.yaml' });
    expect(await trainedStepsOf(files, { recipe: own, arm: 'teacher', folder })).toEqual({ steps: 3, planned: 12 });
    const finished = parseRecipe(tinyRecipe('data'), { path: 'r', overrides: ['teacher={ onnx: [a.onnx] }'] });
    expect(await trainedStepsOf(files, { recipe: finished, arm: 'teacher', folder })).toBeUndefined();
  });

  it('stand in status where the training stopped early, and not where it was whole', () => {
    const report = (steps: number) =>
      ({ state: 'done', progress: null, error: null, queuedFor: null, training: { steps, planned: 12 } }) as UnitReport;
    expect(noteText(report(8))).toBe('stopped early at step 8 of 12');
    expect(noteText(report(12))).toBe('');
  });
});
