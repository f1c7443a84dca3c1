/**
 * The folder that a run leaves behind: where everything lies in it, who may write into it, and its record `run.json`.
 * The first seed's arms lie at the top, `RUN/student`; those of further seeds under `RUN/seed-2/student`.
 */
import { InputError } from '../core/errors.ts';
import type { Splits } from '../data/splits.ts';
import type { Files } from '../runtime/files.ts';
import type { Provenance } from './machine.ts';
import type { Arm } from './record.ts';

/** Files of one arm of one seed. */
export interface ArmFolder {
  readonly folder: string;
  readonly model: string;
  readonly history: string;
  /** A folder. */
  readonly checkpoint: string;
  readonly evaluation: string;
  /** A folder: the segmentations of the test cases. */
  readonly predictions: string;
}

/** Files of a run. */
export interface RunFolder {
  readonly folder: string;
  readonly recipe: string;
  readonly record: string;
  readonly splits: string;
  readonly comparison: string;
  readonly report: string;
  arm(arm: Arm, seed: number): ArmFolder;
}

/**
 * Where the files of a run lie.
 * @param seeds of the recipe; the first one's arms lie at the top
 */
export function runFolder(folder: string, seeds: readonly number[]): RunFolder {
  return {
    folder,
    recipe: `${folder}/recipe.yaml`,
    record: `${folder}/run.json`,
    splits: `${folder}/splits.json`,
    comparison: `${folder}/comparison.json`,
    report: `${folder}/report.html`,
    arm: (arm, seed) => {
      const inside = seed === seeds[0] ? `${folder}/${arm}` : `${folder}/seed-${seed}/${arm}`;
      return {
        folder: inside,
        model: `${inside}/model.onnx`,
        history: `${inside}/history.csv`,
        checkpoint: `${inside}/checkpoint`,
        evaluation: `${inside}/evaluation.json`,
        predictions: `${inside}/predictions`,
      };
    },
  };
}

/** `run.json` */
export interface RunRecord extends Provenance {
  readonly status: 'running' | 'done' | 'failed' | 'stopped';
  readonly startedAt: string;
  readonly finishedAt?: string;
  readonly seeds: readonly number[];
  readonly dataset: string;
  /** SHA-256 of every data file that the run read, by path within the data set. */
  readonly dataHashes: Readonly<Record<string, string>>;
  readonly splits: Splits;
  /** By stage, for example `teacher` or `seed-2/student`. */
  readonly timingsSeconds: Readonly<Record<string, number>>;
  /** Why it failed. */
  readonly error?: string;
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
    const advice = 'Go on with what is there with --resume, or choose another folder with --out.';
    await assertEmptyFolder(files, part, advice);
  }
  if (await files.exists(run.recipe)) {
    const before = new TextDecoder().decode(await files.read(run.recipe));
    if (before !== recipe) {
      throw new InputError(
        'E_RESUME_RECIPE',
        `${run.folder} was made by another recipe: ${firstDifference(before, recipe)}. ` +
          'Go on with its own recipe.yaml, or choose another folder with --out.',
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

/** Writes a record as JSON for people: indented, with a final line break. */
export async function writeJson(files: Files, path: string, content: object): Promise<void> {
  await files.write(path, `${JSON.stringify(content, null, 2)}\n`);
}
