/**
 * The scores of a teacher that is a finished model do not depend on the seed, so the unit of a further seed copies the
 * scores of another unit of the same run or sweep instead of evaluating the same model on the same cases again.
 */

import { armContent } from '../../experiment/arm-content.ts';
import type { ArmFolder } from '../../experiment/arm-folder.ts';
import { readEvaluation } from '../../experiment/evaluation-file.ts';
import type { Evaluation } from '../../experiment/record.ts';
import type { Recipe } from '../../recipe/schema.ts';
import { stateOfStage } from './changed-results.ts';
import type { Unit } from './unit.ts';
import { hasUnits, readUnit, readUnits, type UnitsWorld } from './units-file.ts';

/** Settings that the scores depend on besides the model file. */
function scoredContent(recipe: Recipe): string {
  return JSON.stringify(armContent({ ...recipe, seeds: [] }, 'teacher'));
}

export interface KnownScores {
  readonly evaluation: Evaluation;
  /** Folder of the unit that has the scores. */
  readonly folder: ArmFolder;
  readonly label: string;
}

/**
 * Looks for the scores of a finished teacher.
 * @param options.file name of the file with the scores in a unit's folder
 * @param options.sha256 hash of the model, as in evaluations
 */
export async function knownScores(
  world: UnitsWorld,
  {
    study,
    unit,
    ...options
  }: {
    readonly study: string;
    readonly unit: Unit;
    readonly file: 'evaluation' | 'validation';
    readonly sha256: string;
  },
): Promise<KnownScores | undefined> {
  const { files } = world;
  if (!(await hasUnits(files, study))) return undefined;
  const list = await readUnits(files, study);
  for (const [place, { arm, fold, seed }] of list.units.entries()) {
    if (arm !== 'teacher' || fold !== unit.fold || seed === unit.seed) continue;
    const { recipe, folder, label } = await readUnit(world, study, { list, place });
    const path = folder[options.file];
    if (scoredContent(recipe) !== scoredContent(unit.recipe) || !(await files.exists(path))) continue;
    const stage = options.file === 'evaluation' ? 'test' : 'val';
    if ((await stateOfStage(world, folder.folder, stage)) !== 'whole') continue;
    const evaluation = await readEvaluation(files, path);
    if (evaluation.model.sha256 === options.sha256) return { evaluation, folder, label };
  }
  return undefined;
}
