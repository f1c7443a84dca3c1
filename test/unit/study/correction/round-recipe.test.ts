/** What a round of corrections trains on, and what it leaves for the check. */
import { describe, expect, it } from 'vitest';
import { parseRecipe } from '../../../../src/recipe/parse.ts';
import { roundRecipe } from '../../../../src/study/correction/round-recipe.ts';
import { divideForRound, heldOutOf } from '../../../../src/study/correction/round-splits.ts';
import { tinyRecipe } from '../../../support/tiny-recipe.ts';

const IDS = ['a', 'b', 'c', 'd', 'e', 'f', 'g'];
/** c was left out of everything, d only tested. */
const FIRST = { train: ['a'], val: ['b'], test: ['d'], unlabelled: ['e', 'f', 'g'] };

describe('divideForRound', () => {
  it('keeps what no training has seen for the check, and learns from every other label', () => {
    const known = { first: FIRST, ids: IDS, labelled: ['a', 'b', 'c', 'd', 'f'] };
    expect(divideForRound(known)).toEqual({ train: ['a', 'f'], val: ['b'], test: ['c', 'd'], unlabelled: ['e', 'g'] });
    expect(heldOutOf(known)).toEqual(['c', 'd']);
  });

  it('has no check before one of those cases has a label', () => {
    const first = { train: [], val: [], test: [], unlabelled: ['a', 'b'] };
    const known = { first, ids: ['a', 'b', 'c'], labelled: ['a'] };
    expect(divideForRound(known)).toEqual({ train: ['a'], val: [], test: [], unlabelled: ['b'] });
  });

  it('refuses a round in which there is nothing to learn from', () => {
    const first = { train: [], val: [], test: [], unlabelled: ['a', 'b'] };
    expect(() => divideForRound({ first, ids: ['a', 'b', 'c'], labelled: ['c'] })).toThrow(
      expect.objectContaining({ code: 'E_NO_CASES' }),
    );
  });
});

describe('roundRecipe', () => {
  const recipe = (...overrides: readonly string[]) =>
    parseRecipe(tinyRecipe('data/mri').replace(/^teacher:.*$/m, 'teacher: { onnx: teacher/t.onnx }'), {
      path: 'recipe.yaml',
      overrides,
    });
  const changes = (unlabelled: readonly string[]) => ({
    dataset: 'data',
    splitsFile: 'round-1/splits.json',
    splits: { train: ['a'], val: [], test: [], unlabelled },
    from: 'run/student/model.onnx',
    steps: 50,
  });

  it('goes on from the student so far at a lower rate, on the data with all labels', () => {
    const { data, student, baseline, distill, patch } = roundRecipe(recipe(), changes([]));
    expect(data).toMatchObject({ dataset: 'data', splits: { file: 'round-1/splits.json', fold: null } });
    expect(student).toMatchObject({
      unet: { features: [2, 4] },
      from: null,
      train: { steps: 50, batch: 2, validateEvery: 10, from: 'run/student/model.onnx', oldLayersRate: 0.3 },
    });
    expect({ baseline, batch: distill.unlabelled.batch }).toEqual({ baseline: false, batch: 0 });
    expect(patch).toEqual(recipe().patch);
  });

  it('gives one patch of a batch to the cases that only the teacher answers for', () => {
    const alone = recipe('student.train.batch=0', 'distill.unlabelled.batch=3', 'baseline=false');
    const { student, distill } = roundRecipe(alone, changes(['b']));
    expect({ own: student.train.batch, others: distill.unlabelled.batch }).toEqual({ own: 2, others: 1 });
  });

  it('refuses a recipe whose labels are partial', () => {
    expect(() => roundRecipe(recipe('data.annotated={ "site_*": [a] }'), changes([]))).toThrow(
      expect.objectContaining({ code: 'E_ANNOTATED' }),
    );
  });
});
