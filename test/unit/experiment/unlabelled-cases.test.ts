/** Which cases of a data set are learnt from without their labels. */
import { beforeAll, describe, expect, it } from 'vitest';
import { writePhantomDataset } from '../../../src/data/phantom.ts';
import { prepareData } from '../../../src/experiment/prepare.ts';
import { parseRecipe } from '../../../src/recipe/parse.ts';
import { createLaboratory, functionEngine, thresholdModel } from '../../support/laboratory.ts';
import { memoryFiles } from '../../support/memory-files.ts';
import { tinyRecipe } from '../../support/tiny-recipe.ts';

const CASES = 10;
const files = memoryFiles();
const laboratory = createLaboratory(functionEngine(thresholdModel), files);
beforeAll(() => writePhantomDataset(files, 'data', { seed: 5, cases: CASES }));

const prepare = (...overrides: string[]) =>
  prepareData(laboratory, parseRecipe(tinyRecipe('data'), { path: 'recipe.yaml', overrides }));

describe('unlabelled cases', () => {
  it('are the training cases whose labels are put away, without a trace of those labels', async () => {
    const { splits, train, unlabelled, val } = await prepare('data.splits.labelled=2', 'distill.unlabelled.batch=1');
    expect(train.map(({ id }) => id)).toEqual(splits.train);
    expect(unlabelled.map(({ id }) => id)).toEqual(splits.unlabelled);
    expect([train.length, unlabelled.length, val.length]).toEqual([2, 4, 2]);
    expect(train.every(({ label }) => label.some(value => value > 0))).toBe(true);
    expect(unlabelled.every(({ label }) => label.every(value => value === 0))).toBe(true);
    expect(unlabelled.every(({ image }) => image.some(value => value > 0))).toBe(true);
  });

  it('are not read where the recipe does not use them', async () => {
    const { unlabelled, hashes, splits } = await prepare('data.splits.labelled=2');
    expect(unlabelled).toEqual([]);
    const read = Object.keys(hashes).join();
    expect(splits.unlabelled.some(id => read.includes(id))).toBe(false);
  });

  it('include the cases of the data set that never had a label', async () => {
    const description = JSON.parse(files.text('data/dataset.json'));
    const [first, ...others] = description.training;
    const training = [{ image: first.image }, ...others];
    const bare = memoryFiles({ 'bare/dataset.json': JSON.stringify({ ...description, training }) });
    for (const [path, bytes] of files.contents) {
      if (path.endsWith('.gz')) bare.contents.set(path.replace('data/', 'bare/'), bytes);
    }
    const recipe = parseRecipe(tinyRecipe('bare'), { path: 'r.yaml', overrides: ['distill.unlabelled.batch=1'] });
    const { splits, unlabelled } = await prepareData({ ...laboratory, files: bare }, recipe);
    expect(splits.unlabelled.length).toBe(1);
    expect(unlabelled.map(({ id }) => id)).toEqual(splits.unlabelled);
    const inSplits = [...splits.train, ...splits.val, ...splits.test];
    expect([inSplits.length, inSplits.includes(splits.unlabelled[0]!)]).toEqual([CASES - 1, false]);
  });

  it('must be there where the recipe asks for them', async () => {
    await expect(prepare('distill.unlabelled.batch=1')).rejects.toMatchObject({
      code: 'E_NO_CASES',
      message: expect.stringContaining('data.splits.labelled'),
    });
  });
});
