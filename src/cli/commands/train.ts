/**
 * `voxstill train RECIPE --arm ARM`: one arm of a recipe. The student needs the teacher in the same folder, and all
 * arms the coarse stage that the recipe trains.
 */

import { trainOneArm } from '../../study/run.ts';
import { withDevice } from '../flags/device.ts';
import type { TrainFlags } from '../flags/train.ts';
import { defaultRunFolder, loadRecipe } from '../recipe.ts';
import { type CommandSession, type Outcome, openLaboratory } from '../session.ts';
import { writeEventFiles } from '../tensorboard.ts';

/** Trains the arm into the folder of its run. */
export async function train(
  recipePath: string,
  { arm, out, set, resume, tensorboard, device }: TrainFlags,
  session: CommandSession,
): Promise<Outcome> {
  const recipe = await loadRecipe(recipePath, withDevice(set, { device }));
  const laboratory = await openLaboratory(session, recipe);
  const folder = out ?? defaultRunFolder(recipePath);
  const summary = await trainOneArm(laboratory, recipe, { arm, out: folder, resume, signal: session.signal });
  if (tensorboard) await writeEventFiles(laboratory.files, folder);
  return { json: summary, text: `trained ${arm}: ${summary.folder}` };
}
