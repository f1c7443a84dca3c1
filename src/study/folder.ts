/**
 * The folder that a run leaves behind: where everything lies in it, who may write into it, and its record `run.json`.
 * The first seed's arms lie at the top, `RUN/student`; those of further seeds under `RUN/seed-2/student`. So do the first fold's of a
 * cross-validation, and those of further folds under `RUN/fold-1/student` and `RUN/fold-1/seed-2/student`.
 */

import { InputError } from '../core/errors.ts';
import type { Splits } from '../data/splits.ts';
import { type ArmFolder, armFolder } from '../experiment/arm-folder.ts';
import type { Arm } from '../experiment/record.ts';
import type { Files } from '../runtime/files.ts';
import { readText } from '../runtime/json-file.ts';
import type { StudyRecord } from './record.ts';

/** One training of every arm. */
export interface Repeat {
  /** Of a cross-validation, counted from 0; null where there is none. */
  readonly fold: number | null;
  readonly seed: number;
}

/** What a run repeats: every arm is trained once for each fold and seed. */
export interface Repeats {
  readonly folds: readonly Repeat['fold'][];
  readonly seeds: readonly number[];
}

/** All of them, the first one first. */
export function repeatsOf({ folds, seeds }: Repeats): readonly Repeat[] {
  return folds.flatMap(fold => seeds.map((seed): Repeat => ({ fold, seed })));
}

/** Files of a run. */
export interface RunFolder {
  readonly folder: string;
  readonly recipe: string;
  readonly record: string;
  /** Of the first fold, as `splitsOf` gives it. */
  readonly splits: string;
  readonly comparison: string;
  readonly report: string;
  splitsOf(fold: Repeat['fold']): string;
  arm(arm: Arm, repeat: Repeat): ArmFolder;
}

/** Path of the record of a run. */
export function runRecordPath(folder: string): string {
  return `${folder}/run.json`;
}

/**
 * Where the files of a run lie.
 * @param repeats of the recipe; the arms of the first fold and seed lie at the top
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
    splitsOf,
    arm: (arm, { fold, seed }) => armFolder(`${foldFolder(fold)}${seed === seeds[0] ? '' : `/seed-${seed}`}/${arm}`),
  };
}

/** `run.json` */
export interface RunRecord extends StudyRecord {
  readonly seeds: readonly number[];
  /** Of a cross-validation. */
  readonly folds?: readonly number[];
  readonly dataset: string;
  /** Of recipe.yaml when the run began. */
  readonly recipeSha256: string;
  /** `compare.margin` when the run began. */
  readonly margin: number | null;
  /** Of the first fold. */
  readonly splits: Splits;
}

export interface OpenOptions {
  /** The resolved recipe, YAML; kept in the folder. */
  readonly recipe: string;
  /** Go on with what is there. */
  readonly resume: boolean;
  /** What must be empty when not resuming, if not the whole run: one arm's folder, for example. */
  readonly part?: string;
}

/**
 * Refuses a folder with something in it, so that nothing of an earlier run is lost.
 * @param advice what to do instead, a sentence
 * @throws {InputError} E_OUT_NOT_EMPTY
 */
export async function assertEmptyFolder(files: Files, folder: string, advice: string): Promise<void> {
  if ((await files.list(folder)).length === 0) return;
  throw new InputError('E_OUT_NOT_EMPTY', `${folder} is not empty. ${advice}`);
}

/**
 * Makes a run's folder ready and writes the recipe into it.
 * @throws {InputError} E_OUT_NOT_EMPTY if something is there and `resume` is not asked for; E_RESUME_RECIPE if what is there was made
 *   by another recipe, since results would mix
 */
export async function openRunFolder(files: Files, run: RunFolder, options: OpenOptions): Promise<void> {
  const { recipe, resume, part = run.folder } = options;
  if (!resume) {
    const advice = 'Continue what is there with --resume, or choose another folder with --out.';
    await assertEmptyFolder(files, part, advice);
  }
  if (await files.exists(run.recipe)) {
    const before = await readText(files, run.recipe);
    if (before !== recipe) {
      throw new InputError(
        'E_RESUME_RECIPE',
        `${run.folder} was made by another recipe: ${firstDifference(before, recipe)}. ` +
          'Continue with its own recipe.yaml, or choose another folder with --out.',
      );
    }
    return;
  }
  await files.write(run.recipe, recipe);
}

function firstDifference(before: string, now: string): string {
  const [linesBefore, linesNow] = [before.split('\n'), now.split('\n')];
  const index = linesNow.findIndex((line, at) => line !== linesBefore[at]);
  const at = index === -1 ? linesNow.length : index;
  const show = (line: string | undefined): string => (line === undefined ? 'nothing' : `"${line.trim()}"`);
  return `line ${at + 1} of its recipe.yaml says ${show(linesBefore[at])}, now ${show(linesNow[at])}`;
}

/** The first of `base`, `base-2`, `base-3`, ... that is empty or does not exist. */
export async function freshFolder(files: Files, base: string): Promise<string> {
  for (let number = 1; ; number++) {
    const folder = number === 1 ? base : `${base}-${number}`;
    if ((await files.list(folder)).length === 0) return folder;
  }
}
