/** The folds that a recipe runs, and the cases of each. Only case ids are read, so this is quick. */

import { InputError } from '../core/errors.ts';
import { listSome } from '../core/format.ts';
import { openDataset } from '../data/dataset.ts';
import { repeated, type Splits } from '../data/splits.ts';
import { countFolds } from '../data/splits-file.ts';
import { paintedSplits } from '../data/synthesis/painted-cases.ts';
import type { TrainedArm } from '../experiment/record.ts';
import { readSplits } from '../experiment/splits.ts';
import { recipeOfCoarse, trainedCoarse } from '../recipe/coarse-recipe.ts';
import { isFinished } from '../recipe/schema/teacher.ts';
import type { Recipe } from '../recipe/schema.ts';
import type { Files } from '../runtime/files.ts';
import { readText } from '../runtime/json-file.ts';
import type { Repeat } from './folder.ts';

/** A fold with its cases. */
export interface Fold {
  /** Number of the fold; null if the recipe has no folds. */
  readonly fold: Repeat['fold'];
  /** Of student and baseline. */
  readonly splits: Splits;
  /** Of the teacher: the same, unless it learns from labels that the others lack. */
  readonly teacherSplits: Splits;
}

/** The cases of an arm. */
export function splitsOfArm({ splits, teacherSplits }: Fold, arm: TrainedArm): Splits {
  return arm === 'teacher' ? teacherSplits : splits;
}

async function foldNumbers(files: Files, splits: Recipe['data']['splits']): Promise<readonly Repeat['fold'][]> {
  const upTo = (count: number): readonly number[] => Array.from({ length: count }, (_, fold) => fold);
  if ('folds' in splits) return splits.fold === null ? upTo(splits.folds) : [splits.fold];
  if (!('file' in splits) || splits.fold !== null) return ['file' in splits ? splits.fold : null];
  const count = countFolds(await readText(files, splits.file));
  return count === null || count === 0 ? [null] : upTo(count);
}

/** The recipe of a single fold. */
export function recipeOfFold(recipe: Recipe, fold: Repeat['fold']): Recipe {
  const { splits } = recipe.data;
  if (fold === null || !('fold' in splits)) return recipe;
  return { ...recipe, data: { ...recipe.data, splits: { ...splits, fold } } };
}

/**
 * The recipe that an arm follows. The coarse stage has one of its own. For a teacher that learns from all labels no
 * label is set aside, and it has no use for unlabelled cases; everything else is the recipe of all arms.
 */
export function recipeOfArm(recipe: Recipe, arm: TrainedArm): Recipe {
  const coarse = arm === 'coarse' ? trainedCoarse(recipe) : undefined;
  if (coarse !== undefined) return recipeOfCoarse(recipe, coarse);
  const { splits } = recipe.data;
  if (arm !== 'teacher' || splits.teacherLabels === 'same' || isFinished(recipe.teacher)) return recipe;
  return {
    ...recipe,
    data: { ...recipe.data, splits: { ...splits, labelled: null, teacherLabels: 'same' } },
    distill: { ...recipe.distill, unlabelled: { batch: 0 } },
  };
}

/**
 * The folds of a recipe, at least one: all of them if it names none; a single one without a number if it has no folds.
 * @throws {InputError} E_SPLITS if they cannot be formed, or if a case would be tested twice; as openDataset
 */
export async function foldsOf(files: Files, recipe: Recipe): Promise<readonly Fold[]> {
  const dataset = await openDataset(files, recipe.data.dataset, recipe.data);
  const folds: Fold[] = [];
  for (const fold of await foldNumbers(files, recipe.data.splits)) {
    const own = recipeOfFold(recipe, fold);
    const splitsOf = async (one: Recipe): Promise<Splits> =>
      paintedSplits(await readSplits(files, one, dataset), dataset).splits;
    folds.push({ fold, splits: await splitsOf(own), teacherSplits: await splitsOf(recipeOfArm(own, 'teacher')) });
  }
  const twice = repeated(folds.flatMap(({ splits }) => splits.test));
  if (twice.length > 0) {
    throw new InputError(
      'E_SPLITS',
      `cases are tested in more than one fold: ${listSome(twice)}. Every case must be tested once; set data.splits.fold to run one fold.`,
    );
  }
  return folds;
}
