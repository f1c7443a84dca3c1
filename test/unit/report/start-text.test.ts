/** What a report says of the parameters at the start. */
import { describe, expect, it } from 'vitest';
import { parseRecipe } from '../../../src/recipe/parse.ts';
import { startNotes, startSentences } from '../../../src/report/start-text.ts';
import { tinyRecipe } from '../../support/tiny-recipe.ts';

const recipe = (...overrides: readonly string[]) => parseRecipe(tinyRecipe('data'), { path: 'r', overrides });

describe('the parameters at the start', () => {
  it('are random and the same for student and baseline, which needs no note', () => {
    expect(startSentences(recipe('seeds=[3, 4]'))).toEqual([
      'drawn at random by seeds 3, 4; student and baseline start from the same',
    ]);
    expect(startNotes(recipe())).toEqual([]);
    expect(startNotes(recipe('teacher={ onnx: a.onnx }'))).toEqual([]);
  });

  it('name the model that an arm starts from', () => {
    expect(startNotes(recipe('student.train.from=m.onnx'))[0]).toContain(
      'those of m.onnx where they fit, others drawn at random by seeds 1; student and baseline start from the same',
    );
    expect(startNotes(recipe('student.from=teacher'))[0]).toMatch(
      /strongest channels of its teacher.*the baseline has no teacher and is drawn at random by seeds 1, so it differs/,
    );
    expect(startNotes(recipe('teacher.train.from=t.onnx', 'baseline=false'))[0]).toMatch(
      /drawn at random by seeds 1; the student starts from them; the teacher starts from those of t.onnx/,
    );
  });
});
