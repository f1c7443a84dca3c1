/** The data set of a recipe with what was looked for, from the recipe or a file. */
import { expect, it } from 'vitest';
import { partlyAnnotated } from '../../../src/data/annotated-classes.ts';
import { writePhantomDataset } from '../../../src/data/phantom.ts';
import { openAnnotated } from '../../../src/experiment/annotations.ts';
import { parseRecipe } from '../../../src/recipe/parse.ts';
import { memoryFiles } from '../../support/memory-files.ts';
import { tinyRecipe } from '../../support/tiny-recipe.ts';

const files = memoryFiles();
const open = async (annotated: string) => {
  if (!(await files.exists('data/dataset.json'))) await writePhantomDataset(files, 'data', { seed: 5, cases: 2 });
  const { data } = parseRecipe(tinyRecipe('data'), { path: 'r', overrides: [`data.annotated=${annotated}`] });
  return openAnnotated(files, data);
};

it('means the same in the recipe and in a file', async () => {
  const { cases } = await open('null');
  const id = cases[0]!.id;
  await files.write('annotated.json', JSON.stringify({ [id]: ['Posterior'] }));
  const [inline, fromFile] = [await open(`{ ${id}: [Posterior] }`), await open('{ file: annotated.json }')];
  expect(partlyAnnotated(inline)).toEqual([[id, [2]]]);
  expect(fromFile).toEqual(inline);
});

it.each([
  ['"Posterior"', /E_ANNOTATED|must hold/],
  ['{ "x": [] }', /must hold/],
  ['{ "*": ["Spleen"] }', /Spleen/],
])('refuses a file that does not fit: %s', async (text, message) => {
  await files.write('wrong.json', text);
  await expect(open('{ file: wrong.json }')).rejects.toThrow(message);
});
