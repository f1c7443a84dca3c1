/**
 * The cases of a round of corrections: it learns from every case that has a label by now, beside the unlabelled ones
 * that the teacher answers for. Cases that the student has never been trained on stay apart, and judge it.
 */
import { InputError } from '../../core/errors.ts';
import type { Splits } from '../../data/splits.ts';

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
