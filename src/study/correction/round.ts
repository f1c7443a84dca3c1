/**
 * A round of corrections: the student goes on from where it is, and is taken only if it is not worse on the cases that
 * were held out.
 */
import { openDataset } from '../../data/dataset.ts';
import { evaluateModel } from '../../experiment/evaluate.ts';
import type { Laboratory } from '../../experiment/laboratory.ts';
import { readModelFile } from '../../experiment/model-file.ts';
import { readSplits } from '../../experiment/splits.ts';
import type { CaseScore } from '../../metrics/case-score.ts';
import { meanOf } from '../../metrics/statistics.ts';
import type { Recipe } from '../../recipe/schema.ts';
import { trainOneArm } from '../run.ts';
import { type CheckedCase, checkMeans, type RoundResult } from './round-result.ts';

/**
 * Mean Dice of a case over all classes of the data. A class that neither the reference nor the model has counts as 1
 * rather than not at all: otherwise a student that begins to find what is not there would be compared on another mean.
 */
function checkedDice({ classes }: Pick<CaseScore, 'classes'>): number {
  return meanOf(Object.values(classes).map(({ dice }) => dice ?? 1));
}

/** What a round is done with. */
export interface RoundOptions {
  /** Folder of its run. */
  readonly out: string;
  /** Whether to continue the run that is in the folder. */
  readonly resume: boolean;
  readonly signal?: AbortSignal;
}

/**
 * Trains the student of a recipe of {@link roundRecipe} and checks it against the model that it started from, on the
 * test cases of its splits. Without test cases it is taken unchecked.
 * @throws as trainOneArm and evaluateModel
 */
export async function performRound(
  laboratory: Laboratory,
  recipe: Recipe,
  { out, resume, signal }: RoundOptions,
): Promise<RoundResult> {
  const { files, progress } = laboratory;
  const { models } = await trainOneArm(laboratory, recipe, { arm: 'student', out, resume, ...(signal && { signal }) });
  const model = models[0] as string;
  const dataset = await openDataset(files, recipe.data.dataset, recipe.data);
  const { train, test } = await readSplits(files, recipe, dataset);
  if (test.length === 0) return { model, isTaken: true, trained: train.length, cases: [] };
  const scoresOf = async (path: string, label: string): Promise<ReadonlyMap<string, number>> => {
    const { cases } = await evaluateModel(laboratory, {
      models: [await readModelFile(files, path)],
      dataset,
      ids: test,
      split: 'test',
      window: recipe.evaluate,
      surfaceToleranceMm: recipe.evaluate.surfaceToleranceMm,
      label,
      ...(signal && { signal }),
    });
    return new Map(cases.map(one => [one.id, checkedDice(one)]));
  };
  const before = await scoresOf(recipe.student.train.from as string, 'checking the student so far');
  const after = await scoresOf(model, 'checking the new student');
  const cases = test.map(
    (id): CheckedCase => ({ id, before: before.get(id) as number, after: after.get(id) as number }),
  );
  const means = checkMeans({ cases }) as { readonly before: number; readonly after: number };
  const isTaken = means.after >= means.before;
  progress.log(`held-out check on ${test.length}: mean Dice ${means.before} before, ${means.after} now`);
  return { model, isTaken, trained: train.length, cases };
}
