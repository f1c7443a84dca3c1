/** `voxstill retry FOLDER`: restarts unfinished units, with --failed also failed ones, by the recorded executor. */

import { nodeFiles } from '../../platform/node/files.ts';
import { thisMachine } from '../../platform/node/provenance.ts';
import { openStudy } from '../../study/open-study.ts';
import { readStudy } from '../../study/read-study.ts';
import { readStates, type UnitState } from '../../study/units/state.ts';
import { readUnit } from '../../study/units/units-file.ts';
import { deviceHere, executorFor } from '../choose-executor.ts';
import { executeStudy } from '../execute-study.ts';
import type { RetryFlags } from '../flags/retry.ts';
import { lookOutside } from '../outside-states.ts';
import { forgetRounds } from '../resubmission.ts';
import { type CommandSession, type Outcome, openLaboratory } from '../session.ts';
import { reportStudy } from '../study-report.ts';

/** Restarts units by the executor that the folder records. */
export async function retry(study: string, { failed }: RetryFlags, session: CommandSession): Promise<Outcome> {
  const files = nodeFiles;
  const world = { files, machine: thisMachine };
  const found = await readStudy(files, study);
  const states: readonly UnitState[] = ['waiting', 'lost', 'cancelled', ...(failed ? (['failed'] as const) : [])];
  const reports = await readStates(world, found, await lookOutside(files, study));
  const places = reports.filter(({ state }) => states.includes(state)).map(({ place }) => place);
  if (places.length === 0) {
    const hint =
      failed || !reports.some(({ state }) => state === 'failed') ? '' : ' Add --failed to restart units that failed.';
    return { json: { study, units: 0 }, text: `there is nothing to restart in ${study}.${hint}` };
  }
  const settings = await forgetRounds(files, study);
  const { recipe } = await readUnit(world, study, { list: found.list, place: places[0]! });
  const laboratory = await openLaboratory(session, { device: deviceHere(settings.kind, recipe) });
  const open = openStudy(laboratory, { ...found, places }, session.signal);
  return executeStudy(open, settings, {
    executor: executorFor(open.context, settings, session.signal),
    report: results => reportStudy(laboratory, study, results),
  });
}
