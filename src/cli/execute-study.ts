/** Executes a study and writes its report: after all units have ended here, and from time to time before. */
import { type OpenStudy, type Performed, performStudy } from '../study/open-study.ts';
import type { Executor } from '../study/units/executor.ts';
import { readStates } from '../study/units/state.ts';
import type { ExecutorSettings } from './choose-executor.ts';
import { lookOutside } from './outside-states.ts';
import type { Outcome } from './session.ts';

/** Shortest interval between two reports of a running study, ms. */
const REPORT_INTERVAL_MS = 60_000;

/** Writes reports from time to time when units end. A problem with a report is printed, and the work continues. */
function reportNowAndThen<Results>(
  { context, collect }: OpenStudy<Results>,
  report: (results: Results) => Promise<Outcome>,
): () => Promise<void> {
  const { machine, progress } = context.laboratory;
  let lastMs = machine.elapsedMs();
  return async () => {
    if (machine.elapsedMs() - lastMs < REPORT_INTERVAL_MS) return;
    lastMs = machine.elapsedMs();
    try {
      await report(await collect());
    } catch (error) {
      progress.warn(`no report yet: ${error instanceof Error ? error.message : String(error)}`);
    }
  };
}

/** A study without units that are finished, or that a batch system already has, so that nothing is submitted twice. */
async function withoutBegun<Results>(open: OpenStudy<Results>): Promise<OpenStudy<Results>> {
  const { laboratory } = open.context;
  const reports = await readStates(laboratory, open, await lookOutside(laboratory.files, open.study));
  const begun = new Set(
    reports.filter(({ state }) => ['done', 'queued', 'running'].includes(state)).map(({ place }) => place),
  );
  return { ...open, places: open.places.filter(place => !begun.has(place)) };
}

/**
 * Executes a study as the flags request, and reports it.
 * @param options.report writes the report, if the units run here
 */
export async function executeStudy<Results>(
  open: OpenStudy<Results>,
  settings: ExecutorSettings,
  options: { readonly executor: Executor; readonly report: (results: Results) => Promise<Outcome> },
): Promise<Outcome> {
  const { executor, report } = options;
  const remaining = settings.kind === 'slurm' ? await withoutBegun(open) : open;
  const todo = { ...remaining, onEnd: reportNowAndThen(open, report) };
  const performed: Performed<Results> = await performStudy(todo, executor);
  if ('results' in performed) return report(performed.results);
  return { json: { folder: open.study, units: open.places.length, submitted: true }, text: performed.submitted };
}
