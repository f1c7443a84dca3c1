/**
 * The experiment: teacher, distilled student, baseline, evaluation, comparison, once for each fold and seed. Everything is loaded and checked
 * before the first byte is written; what is finished is never done again on resume.
 */
import { InputError } from '../core/errors.ts';
import { stringifyRecipe } from '../recipe/parse.ts';
import type { Recipe } from '../recipe/schema.ts';
import { compareArms } from './compare.ts';
import { type Fold, foldsOf } from './folds.ts';
import type { Laboratory } from './laboratory.ts';
import { readRecord } from './read-run.ts';
import { ARMS, type Arm, type Comparison } from './record.ts';
import { openRunFolder, type Repeats, type RunFolder, type RunRecord, runFolder, writeJson } from './run-folder.ts';
import { type Bench, checkUnit, evaluateUnit, openBench, trainUnit } from './run-unit.ts';
import type { ArmEvaluations } from './score-tables.ts';
import { isTrained, type Unit, unitsOf } from './unit.ts';
import { outcomeOf } from './work-record.ts';

export interface RunOptions {
  readonly out: string;
  /** Go on with what is in the folder. */
  readonly resume: boolean;
  readonly signal?: AbortSignal;
}

/** A run that is open. */
interface OpenRun {
  readonly bench: Bench;
  readonly run: RunFolder;
  readonly units: readonly Unit[];
  /** Writes run.json. */
  readonly record: (status: RunRecord['status'], error?: string) => Promise<void>;
}

/** The units of a run in its folder; their labels are their places there. */
function unitsIn(run: RunFolder, recipe: Recipe, repeats: Repeats): readonly Unit[] {
  return unitsOf(recipe, repeats, ({ arm, ...repeat }) => {
    const folder = run.arm(arm, repeat);
    return { folder, label: folder.folder.slice(run.folder.length + 1) };
  });
}

async function open(
  laboratory: Laboratory,
  recipe: Recipe,
  options: RunOptions & { readonly arm?: Arm },
): Promise<OpenRun> {
  const { out, resume, signal, arm } = options;
  const { files } = laboratory;
  const folds = await foldsOf(files, recipe);
  const repeats: Repeats = { folds: folds.map(({ fold }) => fold), seeds: recipe.seeds };
  const run = runFolder(out, repeats);
  const units = unitsIn(run, recipe, repeats).filter(unit => arm === undefined || unit.arm === arm);
  const opening = { recipe: stringifyRecipe(recipe), resume };
  const part = arm === undefined ? {} : { part: (units[0] as Unit).folder.folder };
  // a folder that is in the way is known before the data are read
  if (!resume && (await files.list(part.part ?? out)).length > 0) {
    await openRunFolder(files, run, { ...opening, ...part });
  }
  const earlier = await readRecord(files, run.record);
  const bench = openBench(laboratory, { out, earlier, signal });
  const first = await bench.dataOf((units[0] as Unit).recipe);
  for (const unit of units.filter(({ fold }) => fold === (folds[0] as Fold).fold)) {
    await checkUnit(bench, unit, { isTeacherPlanned: arm === undefined });
  }
  await openRunFolder(files, run, { ...opening, ...part });
  for (const { fold, splits } of folds) await writeJson(files, run.splitsOf(fold), splits);
  const record = (status: RunRecord['status'], error?: string): Promise<void> => {
    const content: RunRecord = {
      ...bench.workRecord(status, error),
      seeds: recipe.seeds,
      ...foldNumbers(folds),
      dataset: first.dataset.folder,
      splits: (folds[0] as Fold).splits,
    };
    return writeJson(files, run.record, content);
  };
  return { bench, run, units, record };
}

function foldNumbers(folds: readonly Fold[]): Pick<RunRecord, 'folds'> {
  const numbers = folds.flatMap(({ fold }) => fold ?? []);
  return numbers.length === 0 ? {} : { folds: numbers };
}

/**
 * Runs a whole recipe.
 * @returns the comparison, as written to comparison.json
 * @throws {InputError} before anything is written, if recipe and data do not fit; E_OUT_NOT_EMPTY without `resume`
 */
export async function runExperiment(laboratory: Laboratory, recipe: Recipe, options: RunOptions): Promise<Comparison> {
  const { bench, run, units, record } = await open(laboratory, recipe, options);
  return outcomeOf(record, options.signal, async () => {
    const found: { readonly arm: Arm; readonly repeat: ArmEvaluations['repeats'][number] }[] = [];
    for (const unit of units) {
      await trainUnit(bench, unit);
      const { arm, fold, seed } = unit;
      found.push({ arm, repeat: { fold, seed, evaluation: await evaluateUnit(bench, unit) } });
    }
    const arms = ARMS.map((name): ArmEvaluations => {
      return { name, repeats: found.filter(({ arm }) => arm === name).map(({ repeat }) => repeat) };
    });
    const comparison = compareArms(arms.filter(({ repeats }) => repeats.length > 0));
    await writeJson(laboratory.files, run.comparison, comparison);
    return comparison;
  });
}

/** What training one arm left behind. */
export interface ArmOutcome {
  readonly folder: string;
  readonly models: readonly string[];
}

/**
 * Trains one arm of a recipe, for every fold and seed. The student needs the teacher in the same run.
 * @throws {InputError} E_ARM if the recipe has no such arm to train; E_TEACHER_MISSING
 */
export async function trainOneArm(
  laboratory: Laboratory,
  recipe: Recipe,
  options: RunOptions & { readonly arm: Arm },
): Promise<ArmOutcome> {
  const { arm } = options;
  if (!isTrained(recipe, arm) || (arm === 'baseline' && !recipe.baseline)) {
    const reason = arm === 'teacher' ? 'its teacher is a finished model' : 'baseline is false';
    throw new InputError('E_ARM', `the recipe has no ${arm} to train: ${reason}`);
  }
  const { bench, units, record } = await open(laboratory, recipe, options);
  return outcomeOf(record, options.signal, async () => {
    for (const unit of units) await trainUnit(bench, unit);
    return { folder: (units[0] as Unit).folder.folder, models: units.map(({ folder }) => folder.model) };
  });
}
