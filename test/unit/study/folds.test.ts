/** Folds of a recipe: which there are, and that every case is tested once. */
import { beforeAll, describe, expect, it } from 'vitest';
import { writePhantomDataset } from '../../../src/data/phantom.ts';
import { parseRecipe } from '../../../src/recipe/parse.ts';
import { foldsOf, recipeOfArm, recipeOfFold, splitsOfArm } from '../../../src/study/folds.ts';
import { memoryFiles } from '../../support/memory-files.ts';
import { tinyRecipe } from '../../support/tiny-recipe.ts';

const CASES = 7;
const files = memoryFiles();
beforeAll(() => writePhantomDataset(files, 'data', { seed: 5, cases: CASES }));

const recipe = (splits: string) =>
  parseRecipe(tinyRecipe('data'), { path: 'recipe.yaml', overrides: [`data.splits=${splits}`] });

const ids = async () => {
  const [{ splits } = { splits: undefined }] = await foldsOf(files, recipe('{ train: 1, val: 0, test: 0 }'));
  return splits?.train ?? [];
};

describe('the folds of a recipe', () => {
  it('are all of a cross-validation, and every case is tested in one of them', async () => {
    const folds = await foldsOf(files, recipe('{ folds: 3 }'));
    expect(folds.map(({ fold }) => fold)).toEqual([0, 1, 2]);
    expect(folds.flatMap(({ splits }) => splits.test).sort()).toEqual(await ids());
  });

  it('are the one that is named', async () => {
    const [all, [one, ...others]] = [
      await foldsOf(files, recipe('{ folds: 3 }')),
      await foldsOf(files, recipe('{ folds: 3, fold: 1 }')),
    ];
    expect(one).toEqual(all[1]);
    expect(others).toEqual([]);
  });

  it('are one without a number where cases are divided by fractions or by a file of lists', async () => {
    const [train, val, test] = [(await ids()).slice(0, 4), (await ids()).slice(4, 5), (await ids()).slice(5)];
    await files.write('lists.json', JSON.stringify({ train, val, test }));
    for (const splits of ['{}', '{ file: lists.json }']) {
      const folds = await foldsOf(files, recipe(splits));
      expect(folds.map(({ fold }) => fold)).toEqual([null]);
    }
  });

  it("are all that nnU-Net's file lists, but not where a case is tested twice", async () => {
    const all = await ids();
    const fold = (val: readonly string[]) => ({ train: all.filter(id => !val.includes(id)), val });
    await files.write('final.json', JSON.stringify([fold(all.slice(0, 3)), fold(all.slice(3))]));
    const folds = await foldsOf(files, recipe('{ file: final.json }'));
    expect(folds.map(({ splits }) => splits.test.length)).toEqual([3, 4]);
    await files.write('overlap.json', JSON.stringify([fold(all.slice(0, 3)), fold(all.slice(2))]));
    await expect(foldsOf(files, recipe('{ file: overlap.json }'))).rejects.toMatchObject({
      code: 'E_SPLITS',
      message: expect.stringContaining(`tested in more than one fold: ${all[2]}`),
    });
  });

  it('become recipes of their own, which leave nothing open', async () => {
    const cross = recipe('{ folds: 3 }');
    const own = recipeOfFold(cross, 2);
    expect(own).toEqual(recipe('{ folds: 3, fold: 2 }'));
    expect((await foldsOf(files, own)).map(({ fold }) => fold)).toEqual([2]);
    expect(recipeOfFold(recipe('{}'), null)).toEqual(recipe('{}'));
  });

  it('leave a teacher all labels where the recipe says so, and change no case of validation and test', async () => {
    const few = recipe('{ train: 0.6, val: 0.2, test: 0.2, labelled: 1, teacherLabels: all }');
    const [fold] = await foldsOf(files, few);
    const [teacher, student] = [splitsOfArm(fold!, 'teacher'), splitsOfArm(fold!, 'student')];
    expect(student.train).toHaveLength(1);
    expect(splitsOfArm(fold!, 'baseline')).toEqual(student);
    expect(teacher.train).toEqual([...student.train, ...student.unlabelled].sort());
    expect(teacher).toMatchObject({ unlabelled: [], val: student.val, test: student.test });
    const [same] = await foldsOf(files, recipe('{ train: 0.6, val: 0.2, test: 0.2, labelled: 1 }'));
    expect(splitsOfArm(same!, 'teacher')).toEqual(student);
  });

  it('give a teacher with all labels a recipe that has none set aside, and the others theirs', () => {
    const asked = parseRecipe(tinyRecipe('data'), {
      path: 'recipe.yaml',
      overrides: ['data.splits={ labelled: 2, teacherLabels: all }', 'distill.unlabelled.batch=1'],
    });
    const whole = parseRecipe(tinyRecipe('data'), { path: 'recipe.yaml', overrides: ['data.splits={}'] });
    expect(recipeOfArm(asked, 'teacher')).toEqual(whole);
    for (const arm of ['student', 'baseline'] as const) expect(recipeOfArm(asked, arm)).toBe(asked);
  });
});
