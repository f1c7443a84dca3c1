/** `voxstill status FOLDER`: where every unit of a run or sweep stands, wherever it runs; from any machine on the shared folder. */
import type { UnitReport } from '../../experiment/work/state.ts';
import { countStates, readStates } from '../../experiment/work/state.ts';
import { readUnits } from '../../experiment/work/units-file.ts';
import { nodeFiles } from '../../platform/node/files.ts';
import { thisMachine } from '../../platform/node/provenance.ts';
import { countsText } from '../../report/unit-text.ts';
import { lookOutsideIfAny, tellOnce } from '../executor.ts';
import type { StatusFlags } from '../flags/status.ts';
import type { Outcome, Session } from '../session.ts';
import { changeText, statusText } from '../status-text.ts';

/** How often a watched work is looked at. */
const WATCH_INTERVAL_MS = 2000;

async function look(work: string, warn: (message: string) => void): Promise<readonly UnitReport[]> {
  const list = await readUnits(nodeFiles, work);
  const sources = { files: nodeFiles, machine: thisMachine };
  return readStates(sources, { work, list }, await lookOutsideIfAny(nodeFiles, work, warn));
}

/** Whether anything may still change by itself. */
function mayChange(reports: readonly UnitReport[]): boolean {
  return reports.some(({ state }) => !['done', 'failed', 'cancelled'].includes(state));
}

/** Tells of every change until all units have ended, or Ctrl-C. */
async function watch(work: string, { progress, signal }: Session): Promise<readonly UnitReport[]> {
  const warn = tellOnce(progress.warn);
  let reports = await look(work, warn);
  const task = progress.task(work, reports.length, 'unit');
  let before = new Map<number, UnitReport['state']>();
  for (;;) {
    for (const report of reports) {
      const old = before.get(report.place);
      if (old !== undefined && old !== report.state) progress.log(changeText(report));
    }
    before = new Map(reports.map(({ place, state }) => [place, state]));
    task.update(countStates(reports).done, countsText(reports));
    if (!mayChange(reports) || signal.aborted) break;
    await thisMachine.wait(WATCH_INTERVAL_MS, signal);
    reports = await look(work, warn);
  }
  task.finish();
  return reports;
}

/** Reports the units, once or until all have ended. */
export async function status(work: string, flags: StatusFlags, session: Session): Promise<Outcome> {
  const units = flags.watch ? await watch(work, session) : await look(work, session.progress.warn);
  return { json: { work, counts: countStates(units), units }, text: statusText(units) };
}
