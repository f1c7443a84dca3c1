/** `voxstill unit WORK INDEX`: one unit of a run or sweep, for whoever starts units: a pool of processes, Slurm, Kubernetes. */

import { InputError } from '../../core/errors.ts';
import { readWork } from '../../experiment/read-work.ts';
import { logPath } from '../../experiment/work/claim.ts';
import { shortfallError, shortfallText } from '../../experiment/work/end.ts';
import { inProcess } from '../../experiment/work/in-process.ts';
import { openWork } from '../../experiment/work/open-work.ts';
import { performWhenFree } from '../../experiment/work/perform-unit.ts';
import { readUnit } from '../../experiment/work/units-file.ts';
import { coresOfProcess, indexOfProcess } from '../../platform/node/batch-system.ts';
import { type LogFile, openLogFile } from '../../platform/node/log-file.ts';
import { toBoth } from '../../runtime/progress.ts';
import type { UnitFlags } from '../flags/unit.ts';
import { createLines } from '../progress.ts';
import { type Outcome, openLaboratory, type Session } from '../session.ts';

/** A log that keeps what it is told until it is known where it lies. */
function lateLog(): LogFile & { readonly open: (file: LogFile) => void } {
  const early: string[] = [];
  let log: LogFile = { write: text => early.push(text) };
  return {
    write: text => log.write(text),
    open: file => {
      log = file;
      for (const text of early) file.write(text);
    },
  };
}

function placeOf(index: number | undefined): number {
  const place = index ?? indexOfProcess();
  if (place !== undefined) return place;
  throw new InputError(
    'E_USAGE',
    'which unit? Give its index, or start it where JOB_COMPLETION_INDEX or SLURM_ARRAY_TASK_ID is set.',
  );
}

/**
 * Does the unit, and says so in its log too.
 * @param place.index in the list of units; undefined takes it from the environment of a batch system
 */
export async function unit(
  { work, index }: { readonly work: string; readonly index: number | undefined },
  { threads, withTeacher }: UnitFlags,
  session: Session,
): Promise<Outcome> {
  const place = placeOf(index);
  const log = lateLog();
  const lines = createLines(log, session.elapsedMs);
  const progress = toBoth(session.progress, lines);
  const laboratory = await openLaboratory({ progress }, threads ?? coresOfProcess() ?? null);
  const { bench, list } = openWork(laboratory, await readWork(laboratory.files, work), session.signal);
  const unit = await readUnit(laboratory.files, work, { list, place });
  const teacher = list.units[place]?.teacher;
  if (withTeacher && teacher !== undefined) await inProcess(bench).start({ work, list, places: [teacher] });
  const end = await performWhenFree(bench, unit, {
    onClaim: attempt =>
      log.open(openLogFile(logPath(unit.folder.folder, attempt), message => session.progress.warn(message))),
  });
  if (end.status !== 'done') {
    lines.warn(shortfallText({ label: unit.label, end }));
    throw shortfallError([{ label: unit.label, end }]);
  }
  const { label, folder } = unit;
  return { json: { unit: place, folder: folder.folder, status: end.status }, text: `${label}: ${end.status}` };
}
