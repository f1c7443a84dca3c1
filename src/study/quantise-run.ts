/**
 * Smaller forms of the students of a run that is finished, beside them: `RUN/student-8bit` holds the model and its
 * scores on the test cases, and is one more arm of the comparison.
 */
import { InputError } from '../core/errors.ts';
import { parseSplits } from '../data/splits-file.ts';
import { openAnnotated } from '../experiment/annotations.ts';
import type { Laboratory } from '../experiment/laboratory.ts';
import { parseRecipe } from '../recipe/parse.ts';
import type { Files } from '../runtime/files.ts';
import { readText } from '../runtime/json-file.ts';
import { type Repeat, type RunFolder, repeatsOf, runFolder, smallArm } from './folder.ts';
import { type QuantisedStudent, type QuantiseStudentOptions, quantiseStudent } from './quantise-student.ts';
import { readRun } from './read-run.ts';

/** A student of a run whose smaller form was kept. */
export interface QuantisedArm extends Repeat, QuantisedStudent {
  /** Path of the form. */
  readonly model: string;
}

async function studentsOf(
  files: Files,
  paths: RunFolder,
  repeats: readonly Repeat[],
): Promise<readonly [Repeat, ...Repeat[]]> {
  const found: Repeat[] = [];
  for (const repeat of repeats) if (await files.exists(paths.arm('student', repeat).model)) found.push(repeat);
  const [first, ...others] = found;
  if (first !== undefined) return [first, ...others];
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
  options: Pick<QuantiseStudentOptions, 'precision' | 'limits' | 'signal'>,
): Promise<readonly QuantisedArm[]> {
  const { files } = laboratory;
  const run = await readRun(files, folder);
  const paths = runFolder(folder, run.repeats);
  const students = await studentsOf(files, paths, repeatsOf(run.repeats));
  const recipe = parseRecipe(run.recipe, { path: paths.recipe });
  const dataset = await openAnnotated(files, recipe.data);
  const ids = dataset.cases.map(({ id }) => id);
  const done: QuantisedArm[] = [];
  for (const repeat of students) {
    const path = paths.splitsOf(repeat.fold);
    const own = smallArm(paths, options.precision, repeat);
    const quantised = await quantiseStudent(laboratory, {
      ...options,
      recipe,
      dataset,
      splits: parseSplits(await readText(files, path), { ids, path }),
      model: paths.arm('student', repeat).model,
      folder: own,
    });
    done.push({ ...repeat, ...quantised, model: own.model });
  }
  return done;
}
