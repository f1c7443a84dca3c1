/**
 * A folder with too few labels to train and test on: the student learns from the teacher alone, and a few cases are
 * kept apart, so that they can check it as soon as a person has labelled them.
 */
import { random, shuffle } from '../../src/core/random.ts';
import { type Dataset, isLabelled } from '../../src/data/dataset.ts';
import type { Splits } from '../../src/data/splits.ts';
import type { Recipe } from '../../src/recipe/schema.ts';

/** Path of the file that lists the cases, in a session. */
export const SPLITS = 'splits.json';
/** Fewest labelled cases of a whole run: one to train on, one to choose by, one to test on. */
export const FEWEST_LABELLED = 3;
/** Share of the cases that are kept apart. */
const KEPT_SHARE = 0.2;
const SEED = 1;

/**
 * The division of such a data set: labelled cases are kept apart; where there are none, a fifth of the others is,
 * chosen by chance, but never all.
 * @returns undefined where there are labels enough
 */
export function teacherAloneSplits({ cases }: Pick<Dataset, 'cases'>): Splits | undefined {
  const labelled = cases.filter(isLabelled).length;
  if (labelled >= FEWEST_LABELLED) return undefined;
  const others = cases.filter(item => !isLabelled(item)).map(({ id }) => id);
  const kept = labelled > 0 || others.length < 2 ? 0 : Math.max(1, Math.round(KEPT_SHARE * others.length));
  const unlabelled = shuffle(others, random(SEED, 'kept for the check')).slice(kept).sort();
  return { train: [], val: [], test: [], unlabelled };
}

/** The recipe with patches of labelled cases in place of others, for estimates: a step takes the same with both. */
export function withLabelledPatches(recipe: Recipe): Recipe {
  const { student, distill } = recipe;
  const batch = student.train.batch + distill.unlabelled.batch;
  return {
    ...recipe,
    student: { ...student, train: { ...student.train, batch } },
    distill: { ...distill, unlabelled: { batch: 0 } },
  };
}
