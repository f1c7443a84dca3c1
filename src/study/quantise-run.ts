/**
 * Smaller forms of the students of a run, beside them: `RUN/student-8bit` holds the model and its scores on the test
 * cases, and is one more arm of the comparison. The ranges of 8 bits and the decision whether the form is kept come
 * from the validation cases of each student.
 */
import { InputError } from '../core/errors.ts';
import type { Dataset } from '../data/dataset.ts';
import type { Splits } from '../data/splits.ts';
import { parseSplits } from '../data/splits-file.ts';
import { openAnnotated } from '../experiment/annotations.ts';
import { type EvaluateOptions, evaluateModel } from '../experiment/evaluate.ts';
import type { Laboratory } from '../experiment/laboratory.ts';
import { readModelFile } from '../experiment/model-file.ts';
import { type LossLimits, type Quantised, quantiseModel, type SmallPrecision } from '../experiment/quantise.ts';
import type { Evaluation } from '../experiment/record.ts';
import { parseRecipe } from '../recipe/parse.ts';
import type { Recipe } from '../recipe/schema.ts';
import { readText, writeJson } from '../runtime/json-file.ts';
import { type Repeat, type RunFolder, repeatsOf, runFolder, smallArm } from './folder.ts';
import { readRun } from './read-run.ts';

/** A student whose smaller form was kept. */
export interface QuantisedStudent extends Repeat {
  readonly model: string;
  readonly form: Quantised;
  /** Of the smaller form, on the test cases. */
  readonly evaluation: Evaluation;
}

export interface QuantiseRunOptions {
  readonly precision: SmallPrecision;
  readonly limits: LossLimits;
  readonly signal?: AbortSignal;
}

/** How the models of a run are scored on some of its cases. */
function scoringOf(
  { evaluate }: Recipe,
  dataset: Dataset,
  {
    ids,
    split,
    signal,
  }: { readonly ids: readonly string[]; readonly split: string; readonly signal: AbortSignal | undefined },
): Omit<EvaluateOptions, 'models' | 'label'> {
  return {
    dataset,
    ids,
    split,
    window: evaluate,
    surfaceToleranceMm: evaluate.surfaceToleranceMm,
    lesions: evaluate.lesions,
    ...(signal && { signal }),
  };
}

async function studentsOf(
  { files }: Pick<Laboratory, 'files'>,
  paths: RunFolder,
  repeats: readonly Repeat[],
): Promise<readonly Repeat[]> {
  const found: Repeat[] = [];
  for (const repeat of repeats) if (await files.exists(paths.arm('student', repeat).model)) found.push(repeat);
  if (found.length > 0) return found;
  throw new InputError('E_QUANTISE', `${paths.folder} has no finished student. Train it first, or name a model file.`);
}

/**
 * Makes the smaller form of every finished student of a run, scores it on the test cases and writes both.
 * @throws {InputError} E_RUN, E_QUANTISE, E_NO_CASES where a student has no validation cases
 * @throws {WorkError} E_QUANTISE_LOSS, and nothing is written for that student
 */
export async function quantiseRun(
  laboratory: Laboratory,
  folder: string,
  { precision, limits, signal }: QuantiseRunOptions,
): Promise<readonly QuantisedStudent[]> {
  const { files } = laboratory;
  const run = await readRun(files, folder);
  const paths = runFolder(folder, run.repeats);
  const recipe = parseRecipe(run.recipe, { path: paths.recipe });
  const dataset = await openAnnotated(files, recipe.data);
  const ids = dataset.cases.map(({ id }) => id);
  const done: QuantisedStudent[] = [];
  for (const repeat of await studentsOf(laboratory, paths, repeatsOf(run.repeats))) {
    const path = paths.splitsOf(repeat.fold);
    const splits: Splits = parseSplits(await readText(files, path), { ids, path });
    const file = await readModelFile(files, paths.arm('student', repeat).model);
    const scoring = scoringOf(recipe, dataset, { ids: splits.val, split: 'val', signal });
    const form = await quantiseModel(laboratory, { file, precision, limits, scoring });
    const own = smallArm(paths, precision, repeat);
    await files.write(own.model, form.bytes);
    const evaluation = await evaluateModel(laboratory, {
      ...scoringOf(recipe, dataset, { ids: splits.test, split: 'test', signal }),
      models: [await readModelFile(files, own.model)],
      predictions: own.predictions,
      label: `evaluating student-${precision}`,
    });
    await writeJson(files, own.evaluation, evaluation);
    done.push({ ...repeat, model: own.model, form, evaluation });
  }
  return done;
}
