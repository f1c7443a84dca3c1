/** What a work will cost, told before it starts; and all that is told where nothing is to start. */

import type { WorkEstimate } from '../experiment/work/estimate.ts';
import { estimateWork } from '../experiment/work/estimate.ts';
import type { PlannedWork } from '../experiment/work/open-work.ts';
import { formatBytes } from '../report/format.ts';
import { executeWork, executorFor, scriptsOf, settingsOf } from './executor.ts';
import type { ExecutorFlags } from './flags/executor.ts';
import type { Outcome, Session } from './session.ts';

/** Core-hours with two digits; of small works in minutes. */
function hoursText(hours: number): string {
  return hours < 1 ? `${(60 * hours).toPrecision(2)} core-minutes` : `${Number(hours.toPrecision(2))} core-hours`;
}

/** One line for people. */
function estimateText({ units, trained, coreHours, bytes, basis, kinds }: WorkEstimate): string {
  const timed =
    kinds.timed === kinds.all ? '' : `, ${kinds.timed} of ${kinds.all} kinds; the others by their arithmetic`;
  return (
    `${units} units to do, ${trained} of them trainings: about ${hoursText(coreHours)} of training steps (by ${basis}${timed}), ` +
    `without validation and evaluation; ${formatBytes(bytes)} of models and checkpoints, besides segmentations of the test cases`
  );
}

/**
 * Does a planned work as the flags ask, or tells what would be done.
 * @param report of results, where the units have ended here
 */
export async function executePlanned<Results>(
  planned: PlannedWork<Results>,
  flags: ExecutorFlags,
  options: Pick<Session, 'progress' | 'signal'> & { readonly report: (results: Results) => Promise<Outcome> },
): Promise<Outcome> {
  const settings = settingsOf(flags);
  const { laboratory } = planned.bench;
  // what is wrong with the flags is told before anything is written
  const executor = executorFor(planned.bench, settings, options.signal);
  if (flags.dryRun) {
    const estimate = await estimateWork(laboratory, planned.units);
    const scripts = await scriptsOf(laboratory.files, settings, planned);
    const texts = scripts.map(({ path, text }) => `\n${planned.work}/${path}:\n${text.trimEnd()}`);
    return {
      json: { work: planned.work, ...settings, estimate, scripts },
      text: [estimateText(estimate), ...texts, 'nothing was started or written'].join('\n'),
    };
  }
  const isOrdinary = settings.kind === 'local' && settings.concurrency === 1;
  if (!isOrdinary) options.progress.log(estimateText(await estimateWork(laboratory, planned.units)));
  return executeWork(await planned.prepare(), settings, { executor, report: options.report });
}
