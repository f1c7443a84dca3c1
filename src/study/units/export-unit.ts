/** The last stage of a student whose recipe asks for a smaller form: the form is made, judged and scored beside it. */
import { VoxstillError } from '../../core/errors.ts';
import { readModelFile } from '../../experiment/model-file.ts';
import type { VolumeWarning } from '../../volume/geometry.ts';
import { smallFolder } from '../folder.ts';
import { quantiseStudent } from '../quantise-student.ts';
import type { UnitContext } from './context.ts';
import type { Unit } from './unit.ts';

/** Errors after which a student goes without its smaller form. */
const NOT_KEPT: readonly string[] = ['E_QUANTISE', 'E_QUANTISE_LOSS', 'E_NO_CASES'];

/** Whether the form that is there was made of this model and scored. */
async function isMade(
  { laboratory: { files, machine } }: UnitContext,
  { folder }: Unit,
  own: ReturnType<typeof smallFolder>,
) {
  if (!(await files.exists(own.model)) || !(await files.exists(own.evaluation))) return false;
  const { metadata } = await readModelFile(files, own.model);
  return metadata.madeFrom === machine.sha256(await files.read(folder.model));
}

/**
 * Makes the smaller form that the recipe of a student asks for. A form that is not kept is no error: the student is as
 * good as before.
 * @returns a warning (W_QUANTISE) where there is no form
 */
export async function exportUnit(context: UnitContext, unit: Unit): Promise<readonly VolumeWarning[]> {
  const { laboratory, signal } = context;
  const { arm, recipe, folder, label } = unit;
  const { precision, meanLoss, classLoss } = recipe.student.export;
  if (arm !== 'student' || precision === 'float32') return [];
  const own = smallFolder(folder, precision);
  if (await isMade(context, unit, own)) return [];
  await laboratory.files.remove(own.model);
  await laboratory.files.remove(own.evaluation);
  const { dataset, splits } = await context.dataOf(unit);
  try {
    const limits = { meanLoss, classLoss };
    await quantiseStudent(laboratory, {
      recipe,
      dataset,
      splits,
      model: folder.model,
      folder: own,
      precision,
      limits,
      signal,
    });
    return [];
  } catch (error) {
    if (!(error instanceof VoxstillError) || !NOT_KEPT.includes(error.code)) throw error;
    const message = `${label} has no form in ${precision}: ${error.code}: ${error.message}`;
    laboratory.progress.warn(`W_QUANTISE: ${message}`);
    return [{ code: 'W_QUANTISE', message }];
  }
}
