/**
 * The smaller form of one student of a run: made and judged by its validation cases, scored on its test cases, and
 * written beside it as an arm of its own.
 */
import type { Dataset } from '../data/dataset.ts';
import type { Splits } from '../data/splits.ts';
import type { ArmFolder } from '../experiment/arm-folder.ts';
import { type EvaluateOptions, evaluateModel } from '../experiment/evaluate.ts';
import type { Laboratory } from '../experiment/laboratory.ts';
import { readModelFile } from '../experiment/model-file.ts';
import { type LossLimits, type Quantised, quantiseModel, type SmallPrecision } from '../experiment/quantise.ts';
import type { Evaluation } from '../experiment/record.ts';
import type { Recipe } from '../recipe/schema.ts';
import { writeJson } from '../runtime/json-file.ts';

export interface QuantiseStudentOptions {
  readonly recipe: Recipe;
  readonly dataset: Dataset;
  readonly splits: Pick<Splits, 'val' | 'test'>;
  /** Path of the student's model. */
  readonly model: string;
  /** Where the form and its scores are written. */
  readonly folder: ArmFolder;
  readonly precision: SmallPrecision;
  readonly limits: LossLimits;
  readonly signal?: AbortSignal | undefined;
}

/** A form that was kept. */
export interface QuantisedStudent {
  readonly form: Quantised;
  /** Of the form, on the test cases. */
  readonly evaluation: Evaluation;
}

/**
 * Makes, judges, scores and writes the smaller form of a student.
 * @throws {InputError} E_QUANTISE, and E_NO_CASES where there are no validation cases
 * @throws {WorkError} E_QUANTISE_LOSS, and nothing is written
 */
export async function quantiseStudent(
  laboratory: Laboratory,
  { recipe, dataset, splits, model, folder, precision, limits, signal }: QuantiseStudentOptions,
): Promise<QuantisedStudent> {
  const { files } = laboratory;
  const { evaluate } = recipe;
  const scoring = (split: 'val' | 'test'): Omit<EvaluateOptions, 'models' | 'label'> => ({
    dataset,
    ids: splits[split],
    split,
    window: evaluate,
    surfaceToleranceMm: evaluate.surfaceToleranceMm,
    lesions: evaluate.lesions,
    ...(signal && { signal }),
  });
  const file = await readModelFile(files, model);
  const form = await quantiseModel(laboratory, { file, precision, limits, scoring: scoring('val') });
  await files.write(folder.model, form.bytes);
  const evaluation = await evaluateModel(laboratory, {
    ...scoring('test'),
    models: [await readModelFile(files, folder.model)],
    predictions: folder.predictions,
    label: `evaluating student-${precision}`,
  });
  await writeJson(files, folder.evaluation, evaluation);
  return { form, evaluation };
}
