/** `voxstill run RECIPE`: teacher, student, baseline, evaluation and report, as the recipe says. */
import { planRun } from '../../study/run.ts';
import { deviceHere } from '../choose-executor.ts';
import { withDevice } from '../flags/device.ts';
import type { RunFlags } from '../flags/run.ts';
import { executePlanned } from '../planned-study.ts';
import { defaultRunFolder, loadRecipe } from '../recipe.ts';
import { reportRun } from '../run-text.ts';
import { type CommandSession, type Outcome, openLaboratory } from '../session.ts';
import { writeEventFiles } from '../tensorboard.ts';

/** Runs, submits or only estimates the run. */
export async function run(
  recipePath: string,
  { out, set, resume, tensorboard, device, ...executor }: RunFlags,
  session: CommandSession,
): Promise<Outcome> {
  const recipe = await loadRecipe(recipePath, withDevice(set, { device }));
  const laboratory = await openLaboratory(session, { ...recipe, device: deviceHere(executor.executor, recipe) });
  const { progress, signal } = session;
  const folder = out ?? defaultRunFolder(recipePath);
  const planned = await planRun(laboratory, recipe, { out: folder, resume, signal });
  const report = async (): Promise<Outcome> => {
    if (tensorboard) await writeEventFiles(laboratory.files, folder);
    return reportRun(laboratory, folder);
  };
  return executePlanned(planned, executor, { recipe, progress, signal, report });
}
