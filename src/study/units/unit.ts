/**
 * A unit of work: one arm of one fold and seed, which is trained, evaluated, resumed and shared as a whole. It consists
 * of a folder and a recipe that is resolved for this unit alone. Its results are in the folder, and running it again
 * changes nothing. In a list of units a coarse stage comes before the units that see its region, and a teacher before
 * its students. A unit does not know which process runs it.
 */

import { isTrained } from '../../experiment/arm-content.ts';
import type { ArmFolder } from '../../experiment/arm-folder.ts';
import { ARMS, type Arm, type TrainedArm } from '../../experiment/record.ts';
import { trainedCoarse } from '../../recipe/coarse-recipe.ts';
import type { Recipe } from '../../recipe/schema.ts';
import { type Repeat, type Repeats, repeatsOf } from '../folder.ts';
import { recipeOfArm, recipeOfFold } from '../folds.ts';

export interface Unit extends Repeat {
  readonly arm: TrainedArm;
  /** Recipe of one fold and one seed, as this arm follows it ({@link recipeOfArm}). */
  readonly recipe: Recipe;
  readonly folder: ArmFolder;
  /** Name of the unit within its run, in messages and timings. */
  readonly label: string;
  /** The unit whose model finds the region that this one sees, where its recipe trains one. */
  readonly coarse?: Unit;
  /** The unit whose model teaches this one; only students have one. */
  readonly teacher?: Unit;
  /** SHA-256 of its splits.json when the study was planned; absent for a unit that is not read from its folder. */
  readonly splitsSha256?: string | undefined;
}

/** The arms of a recipe, teacher first. */
function armsOf({ baseline }: Recipe): readonly Arm[] {
  return ARMS.filter(arm => arm !== 'baseline' || baseline);
}

/** The units whose models must exist before a unit can start; a finished model from elsewhere exists already. */
export function unitsBefore({ arm, recipe, coarse, teacher }: Unit): Pick<Unit, 'coarse' | 'teacher'> {
  const waits = arm === 'student' && teacher !== undefined && isTrained(recipe, 'teacher');
  return { ...(coarse && { coarse }), ...(waits && { teacher }) };
}

/** Chooses the folder and the label of a unit. */
export type PlaceUnit = (unit: Pick<Unit, 'arm' | 'recipe' | 'fold' | 'seed'>) => Pick<Unit, 'folder' | 'label'>;

/**
 * The units of a recipe: for every fold and seed the coarse stage if it trains one, the teacher, its student and the
 * baseline.
 */
export function unitsOf(recipe: Recipe, repeats: Repeats, place: PlaceUnit): readonly Unit[] {
  return repeatsOf(repeats).flatMap(({ fold, seed }) => {
    const own = { ...recipeOfFold(recipe, fold), seeds: [seed] };
    const plan = (arm: TrainedArm, after: Pick<Unit, 'coarse' | 'teacher'>): Unit => {
      const unit = { arm, recipe: recipeOfArm(own, arm), fold, seed };
      return { ...unit, ...place(unit), ...after };
    };
    const stage = trainedCoarse(own) === undefined ? {} : { coarse: plan('coarse', {}) };
    const teacher = plan('teacher', stage);
    const arms = armsOf(recipe).map(arm => {
      if (arm === 'teacher') return teacher;
      return plan(arm, arm === 'student' ? { ...stage, teacher } : stage);
    });
    return [...Object.values(stage), ...arms];
  });
}
