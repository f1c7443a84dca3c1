/** `voxstill retry FOLDER`: restarts unfinished units, with --failed also failed ones, by the recorded executor. */

import { openStudy } from '../../study/open-study.ts';
import { readStudy } from '../../study/read-study.ts';
import { readStates, type UnitState } from '../../study/units/state.ts';
import { executorFor } from '../choose-executor.ts';
import { executeStudy } from '../execute-study.ts';
import type { RetryFlags } from '../flags/retry.ts';
import { lookOutside } from '../outside-states.ts';
import { forgetRounds } from '../resubmission.ts';
import { type CommandSession, type Outcome, openLaboratory } from '../session.ts';
import { reportStudy } from '../study-report.ts';

/** Restarts units by the executor that the folder records. */
export async function retry(study: string, { failed }: RetryFlags, session: CommandSession): Promise<Outcome> {
  const laboratory = await openLaboratory(session, null);
  const { files } = laboratory;
  const found = await readStudy(files, study);
  const states: readonly UnitState[] = ['waiting', 'lost', 'cancelled', ...(failed ? (['failed'] as const) : [])];
  const reports = await readStates(laboratory, found, await lookOutside(files, study));
  const places = reports.filter(({ state }) => states.includes(state)).map(({ place }) => place);
  if (places.length === 0) {
    const hint =
      failed || !reports.some(({ state }) => state === 'failed') ? '' : ' Add --failed to restart units that failed.';
    return { json: { study, units: 0 }, text: `there is nothing to restart in ${study}.${hint}` };
  }
  const open = openStudy(laboratory, { ...found, places }, session.signal);
  const settings = await forgetRounds(files, study);
  return executeStudy(open, settings, {
    executor: executorFor(open.context, settings, session.signal),
    report: results => reportStudy(laboratory, study, results),
  });
}
