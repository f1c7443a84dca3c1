/**
 * `voxstill status FOLDER`: lists the state of every unit of a run or sweep, wherever it runs, from any machine that
 * sees the folder.
 */

import { nodeFiles } from '../../platform/node/files.ts';
import { thisMachine } from '../../platform/node/provenance.ts';
import { countsText } from '../../report/unit-text.ts';
import { readStudy } from '../../study/read-study.ts';
import { damageText, findDamage } from '../../study/units/changed-results.ts';
import type { UnitReport } from '../../study/units/state.ts';
import { countStates, readStates } from '../../study/units/state.ts';
import { secondsLeft } from '../../study/units/time-left.ts';
import type { StatusFlags } from '../flags/status.ts';
import { lookOutsideIfAny, tellOnce } from '../outside-states.ts';
import type { CommandSession, Outcome } from '../session.ts';
import { changeText, statusText } from '../status-text.ts';

/** Interval between looks at a watched study, ms. */
const WATCH_INTERVAL_MS = 2000;

async function look(study: string, warn: (message: string) => void): Promise<readonly UnitReport[]> {
  const { list } = await readStudy(nodeFiles, study);
  const sources = { files: nodeFiles, machine: thisMachine };
  return readStates(sources, { study, list }, await lookOutsideIfAny(nodeFiles, study, warn));
}

/** Whether any state may still change without user action. */
function mayChange(reports: readonly UnitReport[]): boolean {
  return reports.some(({ state }) => !['done', 'failed', 'cancelled'].includes(state));
}

/** Reports every change until all units have ended, or Ctrl-C. */
async function watch(study: string, { progress, signal }: CommandSession): Promise<readonly UnitReport[]> {
  const warn = tellOnce(progress.warn);
  let reports = await look(study, warn);
  const task = progress.task(study, reports.length, 'unit');
  let before = new Map<number, UnitReport['state']>();
  for (;;) {
    for (const report of reports) {
      const old = before.get(report.place);
      if (old !== undefined && old !== report.state) progress.log(changeText(report));
    }
    before = new Map(reports.map(({ place, state }) => [place, state]));
    task.update(countStates(reports).done, countsText(reports), { secondsLeft: secondsLeft(reports) ?? null });
    if (!mayChange(reports) || signal.aborted) break;
    await thisMachine.wait(WATCH_INTERVAL_MS, signal);
    reports = await look(study, warn);
  }
  task.finish();
  return reports;
}

/** Reports the units, once or until all have ended. */
export async function status(study: string, flags: StatusFlags, session: CommandSession): Promise<Outcome> {
  const units = flags.watch ? await watch(study, session) : await look(study, session.progress.warn);
  const changed = await findDamage({ files: nodeFiles, machine: thisMachine }, study);
  const text = [statusText(units), ...(changed.length === 0 ? [] : [damageText(changed)])].join('\n');
  return { json: { study, counts: countStates(units), units, changed }, text, exitCode: changed.length === 0 ? 0 : 1 };
}
