/** The steps that the training of a unit took, by its history. */
import { isTrained } from '../../experiment/arm-content.ts';
import { parseHistory } from '../../experiment/history.ts';
import { isFinished } from '../../recipe/schema/teacher.ts';
import type { Files } from '../../runtime/files.ts';
import { readText } from '../../runtime/json-file.ts';
import type { TrainedSteps } from '../trained-steps.ts';
import type { Unit } from './unit.ts';

/**
 * The steps of a unit that is trained.
 * @returns undefined for finished models from elsewhere
 */
export async function trainedStepsOf(
  files: Files,
  { recipe, arm, folder }: Pick<Unit, 'recipe' | 'arm' | 'folder'>,
): Promise<TrainedSteps | undefined> {
  const network = arm === 'teacher' ? recipe.teacher : recipe.student;
  if (!isTrained(recipe, arm) || isFinished(network) || !(await files.exists(folder.history))) return undefined;
  const rows = parseHistory(await readText(files, folder.history), folder.history);
  return { steps: rows.at(-1)?.step ?? 0, planned: network.train.steps };
}
