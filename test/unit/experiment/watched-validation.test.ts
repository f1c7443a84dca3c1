/** Trainings that stop or slow down by their validation are refused where nothing validates. */
import { describe, expect, it } from 'vitest';
import { assertValidates, scheduleOf } from '../../../src/experiment/watched-validation.ts';
import { parseRecipe } from '../../../src/recipe/parse.ts';
import { tinyRecipe } from '../../support/tiny-recipe.ts';

const recipe = (...overrides: string[]) => parseRecipe(tinyRecipe('data'), { path: 'recipe.yaml', overrides });
const NOTHING = { val: [] };
const refused = (key: string) =>
  expect.objectContaining({ code: 'E_NO_CASES', message: expect.stringMatching(new RegExp(`^${key} follows`)) });

describe('a training that follows its validation', () => {
  it.each([
    ['student.train.earlyStop={ patience: 1 }', 'student.train.earlyStop', ['student', 'baseline']],
    ['teacher.train.earlyStop={ patience: 1 }', 'teacher.train.earlyStop', ['teacher']],
    ['teacher.train.schedule={ kind: plateau }', 'teacher.train.schedule.kind: plateau', ['teacher']],
    ['optimizer.schedule={ kind: plateau }', 'optimizer.schedule.kind: plateau', ['teacher', 'student', 'baseline']],
  ])('is refused without validation cases: %s', (override, key, arms) => {
    for (const arm of ['teacher', 'student', 'baseline'] as const) {
      const check = () => assertValidates(recipe(override), arm, NOTHING);
      if (arms.includes(arm)) expect(check).toThrow(refused(key));
      else expect(check).not.toThrow();
      expect(() => assertValidates(recipe(override), arm, { val: ['a'] })).not.toThrow();
    }
  });

  it('is no affair of a training that does not, nor of a finished teacher', () => {
    expect(() => assertValidates(recipe(), 'student', NOTHING)).not.toThrow();
    const finished = recipe('teacher={ onnx: [a.onnx] }', 'optimizer.schedule={ kind: plateau }');
    expect(() => assertValidates(finished, 'teacher', NOTHING)).not.toThrow();
  });
});

describe('the schedule of an arm', () => {
  it('is its own where it has one, and that of the optimizer where it has none', () => {
    const own = recipe('student.train.schedule={ kind: poly }', 'optimizer.schedule={ kind: constant }');
    expect(scheduleOf(own, own.student.train).kind).toBe('poly');
    const shared = recipe('optimizer.schedule={ kind: constant }');
    expect(scheduleOf(shared, shared.student.train).kind).toBe('constant');
  });
});
