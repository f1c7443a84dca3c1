/** A student that goes on: the next round of a correction, begun or finished. */
import type { Laboratory } from '../../experiment/laboratory.ts';
import { parseRecipe, stringifyRecipe } from '../../recipe/parse.ts';
import type { Recipe } from '../../recipe/schema.ts';
import { readText, writeJson } from '../../runtime/json-file.ts';
import { labelledIds, writeConfirmedDataset } from './confirmed-cases.ts';
import { roundPaths } from './correction-folder.ts';
import { readCorrections, readRounds } from './corrections.ts';
import { performRound } from './round.ts';
import { roundRecipe } from './round-recipe.ts';
import type { RoundResult } from './round-result.ts';
import { divideForRound } from './round-splits.ts';

/** Writes everything that a round begins with; its recipe last, so that a round that has one is whole. */
async function beginRound(
  { files }: Pick<Laboratory, 'files'>,
  recipe: Recipe,
  { number, steps }: { readonly number: number; readonly steps: number },
): Promise<void> {
  const { dataset, confirmed, first, student } = await readCorrections(files, recipe);
  const paths = roundPaths(number);
  const ids = dataset.cases.map(({ id }) => id);
  const splits = divideForRound({ first, ids, labelled: labelledIds(dataset, confirmed, first) });
  const folder = await writeConfirmedDataset(files, dataset, confirmed);
  await writeJson(files, paths.splits, splits);
  const changes = { dataset: folder, splitsFile: paths.splits, splits, from: student, steps };
  const comment = `# Made by voxstill. To repeat it: npx voxstill train ${paths.recipe} --arm student\n`;
  await files.write(paths.recipe, comment + stringifyRecipe(roundRecipe(recipe, changes)));
}

/**
 * Trains the student on all labels so far and checks it: goes on with a round that is not finished, or begins another.
 * @param recipe of the first training
 * @param options.steps of a round that begins
 * @returns how the round ended, as its result.json has it
 * @throws as divideForRound, roundRecipe and performRound
 */
export async function continueTraining(
  laboratory: Laboratory,
  recipe: Recipe,
  { steps, signal }: { readonly steps: number; readonly signal?: AbortSignal },
): Promise<RoundResult> {
  const { files } = laboratory;
  const rounds = await readRounds(files);
  const open = rounds.find(({ result }) => result === undefined);
  const number = open?.number ?? rounds.length + 1;
  const paths = roundPaths(number);
  if (open === undefined) await beginRound(laboratory, recipe, { number, steps });
  const own = parseRecipe(await readText(files, paths.recipe), { path: paths.recipe });
  const resume = await files.exists(`${paths.run}/recipe.yaml`);
  const result = await performRound(laboratory, own, { out: paths.run, resume, ...(signal && { signal }) });
  await writeJson(files, paths.result, result);
  return result;
}
