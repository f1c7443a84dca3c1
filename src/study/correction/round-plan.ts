/**
 * What a round of corrections learns from: every case that has a label by now, beside the unlabelled ones that the
 * teacher answers for. Cases that the student has never been trained on stay apart, and judge it.
 */
import { InputError } from '../../core/errors.ts';
import type { Splits } from '../../data/splits.ts';
import { parseRecipe, stringifyRecipe } from '../../recipe/parse.ts';
import type { Recipe } from '../../recipe/schema.ts';

/** The cases as they are now. */
export interface KnownCases {
  /** How the first training divided them. */
  readonly first: Splits;
  /** All cases. */
  readonly ids: readonly string[];
  /** Those with a label that counts: of the data set, or confirmed by a person. */
  readonly labelled: readonly string[];
}

/** Whether the first training left a case out of everything it did, or only tested on it. */
function isUnseen(id: string, { train, val, unlabelled }: Splits): boolean {
  return ![train, val, unlabelled].some(part => part.includes(id));
}

/** The cases that no training has seen or will see, whether they have a label yet or not. */
export function heldOutOf({ first, ids }: Pick<KnownCases, 'first' | 'ids'>): readonly string[] {
  return ids.filter(id => isUnseen(id, first)).sort();
}

/**
 * Divides the cases for a round: labelled ones that the first training has not seen are tested, its validation cases go
 * on choosing the best step, all others with a label are trained on, and those without are unlabelled.
 * @throws {InputError} E_NO_CASES if no case is left to train on
 */
export function divideForRound(known: KnownCases): Splits {
  const { first } = known;
  const labelled = new Set(known.labelled);
  const test = heldOutOf(known).filter(id => labelled.has(id));
  const val = first.val.filter(id => labelled.has(id));
  const apart = new Set([...test, ...val]);
  const train = known.ids.filter(id => labelled.has(id) && !apart.has(id)).sort();
  if (train.length === 0) {
    throw new InputError(
      'E_NO_CASES',
      'no case with a label is left to learn from: those that have one are kept for the check. Accept or correct another case first.',
    );
  }
  return { train, val, test, unlabelled: first.unlabelled.filter(id => !labelled.has(id)) };
}

/** What a round changes in the recipe of its student. */
export interface RoundChanges {
  /** Folder of the data set with all labels so far. */
  readonly dataset: string;
  /** Path of the file with the {@link divideForRound} of it. */
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
