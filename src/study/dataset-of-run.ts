/** The data set of a finished run, with the images that the run painted of label maps. */
import { type Dataset, openDataset } from '../data/dataset.ts';
import { withPaintedCases } from '../data/synthesis/painted-cases.ts';
import { parseRecipe } from '../recipe/parse.ts';
import type { Files } from '../runtime/files.ts';
import type { ReadRun } from './read-run.ts';

/**
 * Opens the data set that a run names.
 * @returns undefined if it is no longer there, or the run does not say which it was
 * @throws {InputError} as openDataset and parseRecipe
 */
export async function datasetOfRun(
  files: Files,
  { record, recipe, folder }: Pick<ReadRun, 'record' | 'recipe' | 'folder'>,
): Promise<Dataset | undefined> {
  if (record === undefined || !(await files.exists(record.dataset))) return undefined;
  // recipes of earlier versions lack the key, and those of single arms may be missing
  const asked = recipe.includes('synthesize:')
    ? parseRecipe(recipe, { path: `${folder}/recipe.yaml` }).data
    : undefined;
  const synthesize = asked?.synthesize ?? null;
  if (synthesize === null && !(await files.exists(`${record.dataset}/dataset.json`))) return undefined;
  return withPaintedCases(await openDataset(files, record.dataset, { synthesize }));
}
