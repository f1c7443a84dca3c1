/**
 * `voxstill sweep RECIPE --grid key=[...]`: runs every combination and finds the smallest student that is good enough.
 */
import { planSweep } from '../../study/sweep.ts';
import type { SweepResults } from '../../study/sweep-record.ts';
import { deviceHere } from '../choose-executor.ts';
import { withDevice } from '../flags/device.ts';
import type { SweepFlags } from '../flags/sweep.ts';
import { executePlanned } from '../planned-study.ts';
import { defaultRunFolder, loadSweep } from '../recipe.ts';
import { type CommandSession, type Outcome, openLaboratory } from '../session.ts';
import { reportSweep } from '../sweep-text.ts';

/** Runs, submits or only estimates the sweep. */
export async function sweep(
  recipePath: string,
  { grid, within, out, set, device, ...executor }: SweepFlags,
  session: CommandSession,
): Promise<Outcome> {
  const sweep = await loadSweep(recipePath, withDevice(set, { device }), grid);
  const { recipe } = sweep;
  const laboratory = await openLaboratory(session, { ...recipe, device: deviceHere(executor.executor, recipe) });
  const { progress, signal } = session;
  const folder = out ?? `${defaultRunFolder(recipePath)}-sweep`;
  const options = { out: folder, ...(within !== undefined && { within }), signal };
  const planned = await planSweep(laboratory, sweep, options);
  const report = (results: SweepResults): Promise<Outcome> => reportSweep(laboratory.files, folder, results);
  return executePlanned(planned, executor, { recipe, progress, signal, report });
}
