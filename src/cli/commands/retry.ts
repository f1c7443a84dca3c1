/** `voxstill retry FOLDER`: starts again what has not ended, and with --failed what has failed, as it was started before. */

import { readWork } from '../../experiment/read-work.ts';
import { openWork } from '../../experiment/work/open-work.ts';
import { readStates, type UnitState } from '../../experiment/work/state.ts';
import { executeWork, executorFor, forgetRounds, lookOutside } from '../executor.ts';
import type { RetryFlags } from '../flags/retry.ts';
import { type Outcome, openLaboratory, type Session } from '../session.ts';
import { reportWork } from '../work-report.ts';

/** Starts units again by the executor that the folder records. */
export async function retry(work: string, { failed }: RetryFlags, session: Session): Promise<Outcome> {
  const laboratory = await openLaboratory(session, null);
  const { files } = laboratory;
  const found = await readWork(files, work);
  const states: readonly UnitState[] = ['waiting', 'lost', 'cancelled', ...(failed ? (['failed'] as const) : [])];
  const reports = await readStates(laboratory, found, await lookOutside(files, work));
  const places = reports.filter(({ state }) => states.includes(state)).map(({ place }) => place);
  if (places.length === 0) {
    const hint = failed || !reports.some(({ state }) => state === 'failed') ? '' : ' --failed takes failed ones too.';
    return { json: { work, units: 0 }, text: `there is nothing to start again in ${work}.${hint}` };
  }
  const open = openWork(laboratory, { ...found, places }, session.signal);
  const settings = await forgetRounds(files, work);
  return executeWork(open, settings, {
    executor: executorFor(open.bench, settings, session.signal),
    report: results => reportWork(laboratory, work, results),
  });
}
