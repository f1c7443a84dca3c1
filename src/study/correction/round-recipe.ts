/** The recipe of a round of corrections, from that of the first training. */
import { InputError } from '../../core/errors.ts';
import type { Splits } from '../../data/splits.ts';
import { parseRecipe, stringifyRecipe } from '../../recipe/parse.ts';
import type { Recipe } from '../../recipe/schema.ts';

/** What a round changes in the recipe of its student. */
export interface RoundChanges {
  /** Folder of the data set with all labels so far. */
  readonly dataset: string;
  /** Path of the file with the division of its cases, see divideForRound. */
  readonly splitsFile: string;
  readonly splits: Splits;
  /** Model that the student goes on from. */
  readonly from: string;
  readonly steps: number;
}

/** Rate of a student that goes on, relative to that of its first training. */
const CONTINUED_RATE = 0.3;
/** Validations, and checkpoints, in a round. */
const VALIDATIONS = 5;

/**
 * The recipe of a round: that of the first training, started from the student so far at a lower rate. A batch is as
 * large as before; where unlabelled cases are left one patch of it is theirs, so that the teacher keeps the student
 * from learning the few labels by heart.
 * @throws {InputError} as parseRecipe; E_ANNOTATED where labels of the first recipe were partial
 */
export function roundRecipe(recipe: Recipe, { dataset, splitsFile, splits, from, steps }: RoundChanges): Recipe {
  if (recipe.data.annotated !== null) {
    throw new InputError(
      'E_ANNOTATED',
      'corrections are whole labels, but data.annotated of the recipe says that some classes were not looked for. Leave it out.',
    );
  }
  const total = Math.max(2, recipe.student.train.batch + recipe.distill.unlabelled.batch);
  const unlabelled = splits.unlabelled.length > 0 ? 1 : 0;
  const overrides = [
    `data.dataset=${JSON.stringify(dataset)}`,
    `data.splits={ file: ${JSON.stringify(splitsFile)} }`,
    'student.from=null',
    `student.train.from=${JSON.stringify(from)}`,
    `student.train.oldLayersRate=${CONTINUED_RATE}`,
    `student.train.steps=${steps}`,
    `student.train.validateEvery=${Math.max(1, Math.round(steps / VALIDATIONS))}`,
    `student.train.batch=${total - unlabelled}`,
    `distill.unlabelled.batch=${unlabelled}`,
    'baseline=false',
  ];
  return parseRecipe(stringifyRecipe(recipe), { path: 'the recipe', overrides });
}
