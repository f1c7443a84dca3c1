/**
 * Division of cases into training, validation and test, by patient. A case is in one of them only, so nothing that is
 * tested was trained on. A division depends on the seed and the set of ids, never on their order.
 */

import { InputError } from '../core/errors.ts';
import { listSome } from '../core/format.ts';
import { random, shuffle } from '../core/random.ts';
import { eachCaseItsOwnPatient, type PatientOf } from './patients.ts';

/** Case ids per split, each sorted. */
export interface Splits {
  readonly train: readonly string[];
  readonly val: readonly string[];
  readonly test: readonly string[];
  /** Cases without labels in training: training cases whose labels are set aside, and cases that have none. */
  readonly unlabelled: readonly string[];
}

/** Fractions of the patients; they add up to 1. */
export interface SplitFractions {
  readonly seed: number;
  readonly train: number;
  readonly val: number;
  readonly test: number;
  /** Number of training cases that keep their labels, the others become unlabelled; all if null or not given. */
  readonly labelled?: number | null;
}

/** What of the cases beside a fold's test cases is watched rather than trained on. */
export interface FoldOptions {
  readonly seed: number;
  /** Index of the tested fold, from 0. */
  readonly fold: number;
  /** Fraction of all patients that validate. */
  readonly val: number;
  /** As in {@link SplitFractions}. */
  readonly labelled?: number | null;
}

const FRACTIONS = ['train', 'val', 'test'] as const;
const SUM_TOLERANCE = 1e-6;

/**
 * Whole numbers nearest to the shares that add up to the total (largest remainder), each non-zero share at least 1.
 * @param fractions add up to 1; at most `total` of them are not 0
 */
function apportion(total: number, fractions: readonly number[]): number[] {
  const counts = fractions.map(fraction => (fraction > 0 ? Math.max(1, Math.floor(fraction * total + 1e-9)) : 0));
  const excess = (index: number): number => (counts[index] ?? 0) - (fractions[index] ?? 0) * total;
  const indices = fractions.map((_, index) => index).filter(index => (fractions[index] ?? 0) > 0);
  for (let sum = counts.reduce((a, b) => a + b, 0); sum !== total; sum += sum < total ? 1 : -1) {
    const step = sum < total ? 1 : -1;
    const movable = indices.filter(index => step > 0 || (counts[index] ?? 0) > 1);
    const best = movable.reduce((a, b) => (step * excess(b) < step * excess(a) ? b : a));
    counts[best] = (counts[best] ?? 0) + step;
  }
  return counts;
}

/** The ids that occur more than once. */
export function repeated(ids: readonly string[]): string[] {
  return [...new Set(ids.filter((id, index) => ids.indexOf(id) !== index))];
}

function assertDistinct(ids: readonly string[]): void {
  const twice = repeated(ids);
  if (twice.length > 0) throw new InputError('E_SPLITS', `cases are given more than once: ${listSome(twice)}.`);
}

/** Cases by patient, patients sorted. */
function groupByPatient(ids: readonly string[], patientOf: PatientOf): Map<string, string[]> {
  const groups = new Map<string, string[]>();
  for (const id of ids) groups.set(patientOf(id), [...(groups.get(patientOf(id)) ?? []), id]);
  return new Map([...groups].sort(([left], [right]) => (left < right ? -1 : 1)));
}

/**
 * Sets the labels of all but some training cases aside. For one seed, a smaller set of labelled cases is a subset of a
 * larger one.
 */
function putLabelsAway(
  train: readonly string[],
  { labelled, seed }: Pick<SplitFractions, 'labelled' | 'seed'>,
): Pick<Splits, 'train' | 'unlabelled'> {
  const kept = labelled ?? train.length;
  if (kept > train.length) {
    throw new InputError(
      'E_SPLITS',
      `data.splits.labelled asks for ${kept} labelled training cases, but there are ${train.length}. Lower it, or increase data.splits.train.`,
    );
  }
  const shuffled = shuffle([...train].sort(), random(seed, 'labelled'));
  return { train: shuffled.slice(0, kept).sort(), unlabelled: shuffled.slice(kept).sort() };
}

/**
 * Divides cases at random by seed. Every non-zero fraction gets at least one patient, and every case is in one split.
 * How many training cases keep their labels changes nothing about validation and test.
 * @param ids labelled cases
 * @param patientOf whose cases stay together; every case by itself if not given
 * @throws {InputError} E_SPLITS if the fractions do not add up to 1 within 1e-6, an id repeats, or there are too few
 * patients
 */
export function splitCases(
  ids: readonly string[],
  { seed, labelled = null, ...fractions }: SplitFractions,
  patientOf: PatientOf = eachCaseItsOwnPatient,
): Splits {
  const shares = FRACTIONS.map(name => fractions[name]);
  const sum = shares.reduce((a, b) => a + b, 0);
  if (!shares.every(share => share >= 0 && share <= 1) || Math.abs(sum - 1) > SUM_TOLERANCE) {
    throw new InputError(
      'E_SPLITS',
      `the fractions train ${shares[0]}, val ${shares[1]} and test ${shares[2]} must be 0 to 1 and add up to 1, not ${sum}. Change data.splits.`,
    );
  }
  assertDistinct(ids);
  const patients = groupByPatient(ids, patientOf);
  const needed = shares.filter(share => share > 0).length;
  if (patients.size < needed) {
    throw new InputError(
      'E_SPLITS',
      `${ids.length} case(s) of ${patients.size} patient(s) cannot be divided into ${needed} splits. Add cases, or set a fraction of data.splits to 0.`,
    );
  }
  const shuffled = shuffle([...patients.values()], random(seed, 'splits'));
  const [train = 0, val = 0] = apportion(patients.size, shares);
  return {
    ...putLabelsAway(shuffled.slice(0, train).flat(), { labelled, seed }),
    val: shuffled
      .slice(train, train + val)
      .flat()
      .sort(),
    test: shuffled
      .slice(train + val)
      .flat()
      .sort(),
  };
}

/**
 * Splits in which given cases are tested: a share of the patients beside them validates, the others train.
 * @param rest the labelled cases that are not tested
 * @throws {InputError} E_SPLITS if nothing is left to train on
 */
export function splitBesideTest(
  rest: readonly string[],
  test: readonly string[],
  options: FoldOptions & { readonly patientOf?: PatientOf },
): Splits {
  const { seed, fold, val, labelled = null, patientOf = eachCaseItsOwnPatient } = options;
  const patients = [...groupByPatient(rest, patientOf).values()];
  const all = patients.length + groupByPatient(test, patientOf).size;
  const validating = val === 0 ? 0 : Math.max(1, Math.round(val * all));
  if (patients.length <= validating) {
    throw new InputError(
      'E_SPLITS',
      `beside the test cases of fold ${fold} there are ${patients.length} patient(s); ${validating} of them validate, so none is left to train on. ` +
        'Add cases, or lower data.splits.val.',
    );
  }
  const shuffled = shuffle(patients, random(seed, 'validation', fold));
  return {
    ...putLabelsAway(shuffled.slice(validating).flat(), { labelled, seed }),
    val: shuffled.slice(0, validating).flat().sort(),
    test: [...test].sort(),
  };
}

/**
 * One fold of a cross-validation. Patients are dealt out by seed, so over all folds every case is tested once and sizes
 * differ by one patient.
 * @param ids labelled cases
 * @throws {InputError} E_SPLITS if there are fewer patients than folds, no such fold, or nothing is left to train on
 */
export function splitFold(
  ids: readonly string[],
  { folds, ...options }: FoldOptions & { readonly folds: number },
  patientOf: PatientOf = eachCaseItsOwnPatient,
): Splits {
  assertDistinct(ids);
  const patients = groupByPatient(ids, patientOf);
  if (patients.size < folds) {
    throw new InputError(
      'E_SPLITS',
      `${patients.size} patient(s) cannot be divided into ${folds} folds. Lower data.splits.folds.`,
    );
  }
  if (options.fold >= folds) {
    throw new InputError(
      'E_SPLITS',
      `there is no fold ${options.fold} of ${folds}; folds count from 0. Change data.splits.fold.`,
    );
  }
  const dealt = shuffle([...patients.values()], random(options.seed, 'folds'));
  const isTested = (index: number): boolean => index % folds === options.fold;
  return splitBesideTest(
    dealt.filter((_, index) => !isTested(index)).flat(),
    dealt.filter((_, index) => isTested(index)).flat(),
    { ...options, patientOf },
  );
}
