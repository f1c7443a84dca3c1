/**
 * Division of cases into training, validation and test. A case is in one of them only, so nothing that is tested was trained on.
 * A split depends on the seed and the set of ids, never on their order.
 */
import { z } from 'zod';
import { InputError } from '../core/errors.ts';
import { random, shuffle } from '../core/random.ts';

/** Case ids per split, each sorted. */
export interface Splits {
  readonly train: readonly string[];
  readonly val: readonly string[];
  readonly test: readonly string[];
  /** Cases whose images alone may be learnt from: training cases whose labels are put away, and cases that have none. */
  readonly unlabelled: readonly string[];
}

/** Shares of the cases; they add up to 1. */
export interface SplitFractions {
  readonly seed: number;
  readonly train: number;
  readonly val: number;
  readonly test: number;
  /** Training cases that keep their labels, the others become unlabelled; all of them if null or not given. */
  readonly labelled?: number | null;
}

const SPLIT_NAMES = ['train', 'val', 'test'] as const;
const SUM_TOLERANCE = 1e-6;
const LISTED_IN_MESSAGES = 5;

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

function listIds(ids: readonly string[]): string {
  const more = ids.length > LISTED_IN_MESSAGES ? ` and ${ids.length - LISTED_IN_MESSAGES} more` : '';
  return ids.slice(0, LISTED_IN_MESSAGES).join(', ') + more;
}

function repeated(ids: readonly string[]): string[] {
  return [...new Set(ids.filter((id, index) => ids.indexOf(id) !== index))];
}

/** Puts the labels of all but some training cases away. Fewer labelled cases of the same seed are a part of more. */
function putLabelsAway(train: readonly string[], labelled: number, seed: number): Pick<Splits, 'train' | 'unlabelled'> {
  if (labelled > train.length) {
    throw new InputError(
      'E_SPLITS',
      `data.splits.labelled asks for ${labelled} labelled training cases, but there are ${train.length}. Lower it, or raise data.splits.train.`,
    );
  }
  const shuffled = shuffle(train, random(seed, 'labelled'));
  return { train: shuffled.slice(0, labelled).sort(), unlabelled: shuffled.slice(labelled).sort() };
}

/**
 * Divides cases at random by seed. Every non-zero fraction gets at least one case, and every case is in one split. How many training
 * cases keep their labels changes nothing about validation and test.
 * @param ids labelled cases
 * @throws {InputError} E_SPLITS if the fractions do not add up to 1 within 1e-6, an id repeats, or there are too few cases
 */
export function splitCases(ids: readonly string[], { seed, labelled, ...fractions }: SplitFractions): Splits {
  const shares = SPLIT_NAMES.map(name => fractions[name]);
  const sum = shares.reduce((a, b) => a + b, 0);
  if (!shares.every(share => share >= 0 && share <= 1) || Math.abs(sum - 1) > SUM_TOLERANCE) {
    throw new InputError(
      'E_SPLITS',
      `the fractions train ${shares[0]}, val ${shares[1]} and test ${shares[2]} must be 0 to 1 and add up to 1, not ${sum}. Change data.splits.`,
    );
  }
  const twice = repeated(ids);
  if (twice.length > 0) throw new InputError('E_SPLITS', `cases are given more than once: ${listIds(twice)}.`);
  const needed = shares.filter(share => share > 0).length;
  if (ids.length < needed) {
    throw new InputError(
      'E_SPLITS',
      `${ids.length} case(s) cannot be divided into ${needed} splits. Add cases, or set a fraction of data.splits to 0.`,
    );
  }
  const shuffled = shuffle([...ids].sort(), random(seed, 'splits'));
  const [train = 0, val = 0] = apportion(ids.length, shares);
  const trained = shuffled.slice(0, train).sort();
  return {
    ...putLabelsAway(trained, labelled ?? trained.length, seed),
    val: shuffled.slice(train, train + val).sort(),
    test: shuffled.slice(train + val).sort(),
  };
}

const splitsFile = z.strictObject({
  train: z.array(z.string()),
  val: z.array(z.string()),
  test: z.array(z.string()),
  unlabelled: z.array(z.string()).default([]),
});

/**
 * Reads a splits.json `{ "train": [ids], "val": [ids], "test": [ids] }`, where `"unlabelled": [ids]` may follow. Cases may be left out;
 * none may be in twice.
 * @param ids the cases of the data set
 * @param path for messages
 * @throws {InputError} E_SPLITS for other content, an unknown id, or an id that is there twice
 */
export function parseSplits(text: string, ids: readonly string[], path: string): Splits {
  let content: unknown;
  try {
    content = JSON.parse(text);
  } catch (error) {
    throw new InputError('E_SPLITS', `${path} is not JSON: ${error instanceof Error ? error.message : String(error)}.`);
  }
  const parsed = splitsFile.safeParse(content);
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    throw new InputError(
      'E_SPLITS',
      `${path} must hold { "train": [...], "val": [...], "test": [...] } with case ids; "${issue?.path.join('.') ?? ''}": ${issue?.message ?? ''}.`,
    );
  }
  const all = [...SPLIT_NAMES.flatMap(name => parsed.data[name]), ...parsed.data.unlabelled];
  const known = new Set(ids);
  const unknown = all.filter(id => !known.has(id));
  if (unknown.length > 0) {
    throw new InputError('E_SPLITS', `${path} names cases that the data set does not have: ${listIds(unknown)}.`);
  }
  const twice = repeated(all);
  if (twice.length > 0) {
    throw new InputError(
      'E_SPLITS',
      `${path} has cases more than once: ${listIds(twice)}. A case belongs to one split, or tests see what was trained on.`,
    );
  }
  const { train, val, test, unlabelled } = parsed.data;
  return { train: train.sort(), val: val.sort(), test: test.sort(), unlabelled: unlabelled.sort() };
}
