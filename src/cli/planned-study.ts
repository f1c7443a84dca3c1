/** Prints the estimated cost of a study before it starts; for --dry-run that is all. */

import { formatBytes } from '../core/format.ts';
import type { Recipe } from '../recipe/schema.ts';
import type { PlannedStudy } from '../study/open-study.ts';
import type { StudyEstimate } from '../study/units/estimate.ts';
import { estimateStudy } from '../study/units/estimate.ts';
import { executorFor, scriptsOf, settingsOf } from './choose-executor.ts';
import { executeStudy } from './execute-study.ts';
import type { ExecutorFlags } from './flags/executor-flags.ts';
import type { CommandSession, Outcome } from './session.ts';

/** Core-hours with two digits; small amounts in core-minutes. */
function hoursText(hours: number): string {
  return hours < 1 ? `${(60 * hours).toPrecision(2)} core-minutes` : `${Number(hours.toPrecision(2))} core-hours`;
}

/** The estimate in one line. */
function estimateText({ units, trained, coreHours, bytes, basis, kinds }: StudyEstimate): string {
  const timed =
    kinds.timed === kinds.all ? '' : `, ${kinds.timed} of ${kinds.all} kinds; the others scaled by their arithmetic`;
  return (
    `${units} units to run, ${trained} of them trainings: about ${hoursText(coreHours)} of training steps (by ${basis}${timed}), ` +
    `without validation and evaluation; ${formatBytes(bytes)} of models and checkpoints, without the segmentations of the test cases`
  );
}

/**
 * Executes a planned study as the flags request, or prints what would be done.
 * @param report writes the report, if the units have ended here
 */
export async function executePlanned<Results>(
  planned: PlannedStudy<Results>,
  flags: ExecutorFlags,
  options: Pick<CommandSession, 'progress' | 'signal'> & {
    readonly recipe: Pick<Recipe, 'device'>;
    readonly report: (results: Results) => Promise<Outcome>;
  },
): Promise<Outcome> {
  const settings = settingsOf(flags, options.recipe);
  const { laboratory } = planned.context;
  // errors of the flags come before anything is written
  const executor = executorFor(planned.context, settings, options.signal);
  if (flags.dryRun) {
    const estimate = await estimateStudy(laboratory, planned.units);
    const scripts = await scriptsOf(laboratory.files, settings, planned);
    const texts = scripts.map(({ path, text }) => `\n${planned.study}/${path}:\n${text.trimEnd()}`);
    return {
      json: { study: planned.study, ...settings, estimate, scripts },
      text: [estimateText(estimate), ...texts, 'nothing was started or written'].join('\n'),
    };
  }
  const isOrdinary = settings.kind === 'local' && settings.concurrency === 1;
  if (!isOrdinary) options.progress.log(estimateText(await estimateStudy(laboratory, planned.units)));
  return executeStudy(await planned.prepare(), settings, { executor, report: options.report });
}
