/**
 * The folder of a run: the paths of its files, who may write into it, and its record `run.json`. The arms of the first
 * seed are at the top, `RUN/student`; those of further seeds in `RUN/seed-2/student`. The same holds for the first fold
 * of a cross-validation; further folds are in `RUN/fold-1/student` and `RUN/fold-1/seed-2/student`.
 */

import { InputError } from '../core/errors.ts';
import type { Splits } from '../data/splits.ts';
import { type ArmFolder, armFolder } from '../experiment/arm-folder.ts';
import type { TrainedArm } from '../experiment/record.ts';
import { parseRecipe, stringifyRecipe } from '../recipe/parse.ts';
import type { Files } from '../runtime/files.ts';
import { readText } from '../runtime/json-file.ts';
import type { StudyRecord } from './record.ts';

/** One repetition: a training of every arm for one fold and seed. */
export interface Repeat {
  /** Fold of a cross-validation, counted from 0; null without one. */
  readonly fold: number | null;
  readonly seed: number;
}

/** The repetitions of a run: every arm is trained once for each fold and seed. */
export interface Repeats {
  readonly folds: readonly Repeat['fold'][];
  readonly seeds: readonly number[];
}

/** All repetitions in order. */
export function repeatsOf({ folds, seeds }: Repeats): readonly Repeat[] {
  return folds.flatMap(fold => seeds.map((seed): Repeat => ({ fold, seed })));
}

/** Paths of the files of a run. */
export interface RunFolder {
  readonly folder: string;
  readonly recipe: string;
  readonly record: string;
  /** Path of the splits of the first fold, as from `splitsOf`. */
  readonly splits: string;
  readonly comparison: string;
  readonly report: string;
  /** Copy of the recipe's groups of cases; missing where it has none. */
  readonly groups: string;
  splitsOf(fold: Repeat['fold']): string;
  arm(arm: TrainedArm, repeat: Repeat): ArmFolder;
}

/** Path of the record of a run. */
export function runRecordPath(folder: string): string {
  return `${folder}/run.json`;
}

/**
 * Paths of the files of a run.
 * @param repeats folds and seeds of the recipe; the arms of the first ones are at the top
 */
export function runFolder(folder: string, { folds, seeds }: Repeats): RunFolder {
  const foldFolder = (fold: Repeat['fold']): string => (fold === folds[0] ? folder : `${folder}/fold-${fold}`);
  const splitsOf = (fold: Repeat['fold']): string => `${foldFolder(fold)}/splits.json`;
  return {
    folder,
    recipe: `${folder}/recipe.yaml`,
    record: runRecordPath(folder),
    splits: `${folder}/splits.json`,
    comparison: `${folder}/comparison.json`,
    report: `${folder}/report.html`,
    groups: `${folder}/groups.csv`,
    splitsOf,
    arm: (arm, { fold, seed }) => armFolder(`${foldFolder(fold)}${seed === seeds[0] ? '' : `/seed-${seed}`}/${arm}`),
  };
}

/** The forms of a student that are arms of their own if they exist, by what their numbers are. */
export const SMALL_PRECISIONS = ['8bit', 'float16'] as const;

/** The folder of a student's smaller form, beside that of the student: `RUN/student-8bit`. */
export function smallFolder({ folder }: ArmFolder, precision: (typeof SMALL_PRECISIONS)[number]): ArmFolder {
  return armFolder(`${folder}-${precision}`);
}

/** The arm of a student's smaller form in a run. */
export function smallArm(run: RunFolder, precision: (typeof SMALL_PRECISIONS)[number], repeat: Repeat): ArmFolder {
  return smallFolder(run.arm('student', repeat), precision);
}

/** `run.json` */
export interface RunRecord extends StudyRecord {
  readonly seeds: readonly number[];
  /** Folds of a cross-validation. */
  readonly folds?: readonly number[];
  readonly dataset: string;
  /** SHA-256 of recipe.yaml when the run began. */
  readonly recipeSha256: string;
  /** `compare.margin` when the run began. */
  readonly margin: number | null;
  /** Splits of the first fold. */
  readonly splits: Splits;
}

export interface OpenOptions {
  /** The resolved recipe, YAML; kept in the folder. */
  readonly recipe: string;
  /** Whether to continue the run that is there. */
  readonly resume: boolean;
  /** Folder that must be empty without `resume`, if not the whole run: one arm's folder, for example. */
  readonly part?: string;
}

/**
 * Refuses a folder that is not empty, so that nothing of an earlier run is lost.
 * @param advice a sentence on what to do instead
 * @throws {InputError} E_OUT_NOT_EMPTY
 */
export async function assertEmptyFolder(files: Files, folder: string, advice: string): Promise<void> {
  if ((await files.list(folder)).length === 0) return;
  throw new InputError('E_OUT_NOT_EMPTY', `${folder} is not empty. ${advice}`);
}

/**
 * A recipe of a folder with the keys that it lacks since an earlier version wrote it: these have their defaults, at
 * which everything is as it was before there was the key. One that cannot be read stays as it is.
 */
function asWrittenNow(before: string, path: string): string {
  try {
    return stringifyRecipe(parseRecipe(before, { path }));
  } catch (cause) {
    if (cause instanceof InputError) return before;
    throw cause;
  }
}

/**
 * Prepares the folder of a run and writes the recipe into it. One that is there stays as it is.
 * @returns the text of the folder's recipe
 * @throws {InputError} E_OUT_NOT_EMPTY if it is not empty and `resume` is false; E_RESUME_RECIPE if it was made
 *   by another recipe, since results would mix
 */
export async function openRunFolder(files: Files, run: RunFolder, options: OpenOptions): Promise<string> {
  const { recipe, resume, part = run.folder } = options;
  if (!resume) {
    const advice = 'Continue what is there with --resume, or choose another folder with --out.';
    await assertEmptyFolder(files, part, advice);
  }
  if (await files.exists(run.recipe)) {
    const before = await readText(files, run.recipe);
    const completed = before === recipe ? before : asWrittenNow(before, run.recipe);
    if (completed !== recipe) {
      throw new InputError(
        'E_RESUME_RECIPE',
        `${run.folder} was made by another recipe: ${firstDifference({ before, completed }, recipe)}. ` +
          'Continue with its own recipe.yaml, or choose another folder with --out.',
      );
    }
    return before;
  }
  await files.write(run.recipe, recipe);
  return recipe;
}

/** @param of the recipe as it lies in the folder, and with the keys that later versions have added */
function firstDifference(of: { readonly before: string; readonly completed: string }, now: string): string {
  const [before, completed, given] = [of.before, of.completed, now].map(text => text.split('\n')) as [
    string[],
    string[],
    string[],
  ];
  const index = given.findIndex((line, at) => line !== completed[at]);
  const at = index === -1 ? given.length : index;
  const line = completed[at];
  const show = (text: string | undefined): string => (text === undefined ? 'nothing' : `"${text.trim()}"`);
  // a line can stand there several times, once for each network
  const nth = completed.slice(0, at).filter(one => one === line).length;
  const number = before.flatMap((one, place) => (one === line ? [place + 1] : []))[nth];
  return `${number === undefined ? '' : `line ${number} of `}its recipe.yaml says ${show(line)}, now ${show(given[at])}`;
}

/** The first of `base`, `base-2`, `base-3`, ... that is empty or does not exist. */
export async function freshFolder(files: Files, base: string): Promise<string> {
  for (let number = 1; ; number++) {
    const folder = number === 1 ? base : `${base}-${number}`;
    if ((await files.list(folder)).length === 0) return folder;
  }
}
