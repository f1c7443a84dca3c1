/**
 * A unit of work: one arm of one fold and seed, which is trained, evaluated, resumed and shared as a whole. It consists
 * of a folder and a recipe that is resolved for this unit alone. Its results are in the folder, and running it again
 * changes nothing. In a list of units a teacher comes before its students. A unit does not know which process runs it.
 */

import type { ArmFolder } from '../../experiment/arm-folder.ts';
import { ARMS, type Arm } from '../../experiment/record.ts';
import type { Recipe } from '../../recipe/schema.ts';
import { type Repeat, type Repeats, repeatsOf } from '../folder.ts';
import { recipeOfArm, recipeOfFold } from '../folds.ts';

export interface Unit extends Repeat {
  readonly arm: Arm;
  /** Recipe of one fold and one seed, as this arm follows it ({@link recipeOfArm}). */
  readonly recipe: Recipe;
  readonly folder: ArmFolder;
  /** Name of the unit within its run, in messages and timings. */
  readonly label: string;
  /** The unit whose model teaches this one; only students have one. */
  readonly teacher?: Unit;
  /** SHA-256 of its splits.json when the study was planned; absent for a unit that is not read from its folder. */
  readonly splitsSha256?: string | undefined;
}

/** The arms of a recipe, teacher first. */
function armsOf({ baseline }: Recipe): readonly Arm[] {
  return ARMS.filter(arm => arm !== 'baseline' || baseline);
}

/** Chooses the folder and the label of a unit. */
export type PlaceUnit = (unit: Pick<Unit, 'arm' | 'recipe' | 'fold' | 'seed'>) => Pick<Unit, 'folder' | 'label'>;

/** The units of a recipe: for every fold and seed the teacher, its student and the baseline. */
export function unitsOf(recipe: Recipe, repeats: Repeats, place: PlaceUnit): readonly Unit[] {
  return repeatsOf(repeats).flatMap(({ fold, seed }) => {
    const own = { ...recipeOfFold(recipe, fold), seeds: [seed] };
    const plan = (arm: Arm, teacher?: Unit): Unit => {
      const unit = { arm, recipe: recipeOfArm(own, arm), fold, seed };
      return { ...unit, ...place(unit), ...(teacher && { teacher }) };
    };
    const teacher = plan('teacher');
    return armsOf(recipe).map(arm => {
      if (arm === 'teacher') return teacher;
      return arm === 'student' ? plan(arm, teacher) : plan(arm);
    });
  });
}
