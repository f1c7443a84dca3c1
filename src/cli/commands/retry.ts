/** `voxstill retry FOLDER`: starts again what has not ended, and with --failed what has failed, as it was started before. */

import { openWork } from '../../study/open-study.ts';
import { readWork } from '../../study/read-study.ts';
import { readStates, type UnitState } from '../../study/units/state.ts';
import { executeWork, executorFor, forgetRounds, lookOutside } from '../executor.ts';
import type { AddCommand } from '../program.ts';
import { openLaboratory } from '../session.ts';
import { reportWork } from '../work-report.ts';

interface Flags {
  readonly failed: boolean;
}

export const addRetry: AddCommand = (program, start) => {
  program
    .command('retry')
    .description('start again the units of a run or sweep that were lost, cancelled or never started')
    .argument('<folder>', 'of the run or sweep')
    .option('--failed', 'also those that have failed', false)
    .action((work: string, { failed }: Flags) =>
      start(async session => {
        const laboratory = await openLaboratory(session, null);
        const { files } = laboratory;
        const found = await readWork(files, work);
        const states: readonly UnitState[] = ['waiting', 'lost', 'cancelled', ...(failed ? (['failed'] as const) : [])];
        const reports = await readStates(laboratory, found, await lookOutside(files, work));
        const places = reports.filter(({ state }) => states.includes(state)).map(({ place }) => place);
        if (places.length === 0) {
          const hint =
            failed || !reports.some(({ state }) => state === 'failed') ? '' : ' --failed takes failed ones too.';
          return { json: { work, units: 0 }, text: `there is nothing to start again in ${work}.${hint}` };
        }
        const open = openWork(laboratory, { ...found, places }, session.signal);
        const settings = await forgetRounds(files, work);
        return executeWork(open, settings, {
          executor: executorFor(open.bench, settings, session.signal),
          report: results => reportWork(laboratory, work, results),
        });
      }),
    );
};
