/**
 * `voxstill unit STUDY INDEX`: runs one unit of a run or sweep, for the systems that start units: a pool of processes,
 * Slurm, Kubernetes.
 */

import { InputError } from '../../core/errors.ts';
import { coresOfProcess, indexOfProcess } from '../../platform/node/batch-system.ts';
import { nodeFiles } from '../../platform/node/files.ts';
import { type LogFile, openLogFile } from '../../platform/node/log-file.ts';
import { thisMachine } from '../../platform/node/provenance.ts';
import { toBoth } from '../../runtime/progress.ts';
import { openStudy } from '../../study/open-study.ts';
import { readStudy } from '../../study/read-study.ts';
import { logPath } from '../../study/units/claim.ts';
import { shortfallError, shortfallText } from '../../study/units/end.ts';
import { inProcess } from '../../study/units/in-process.ts';
import { performWhenFree } from '../../study/units/perform-unit.ts';
import { readUnit } from '../../study/units/units-file.ts';
import type { UnitFlags } from '../flags/unit.ts';
import { createLines } from '../progress.ts';
import { type CommandSession, type Outcome, openLaboratory } from '../session.ts';

/** A log that buffers its lines until its path is known. */
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
    'no unit was given. Give its index, or start the command where JOB_COMPLETION_INDEX or SLURM_ARRAY_TASK_ID is set.',
  );
}

/**
 * Runs the unit, and writes its progress to its log too.
 * @param place.index in the list of units; undefined takes it from the environment of a batch system
 */
export async function unit(
  { study, index }: { readonly study: string; readonly index: number | undefined },
  { threads, device, withTeacher }: UnitFlags,
  session: CommandSession,
): Promise<Outcome> {
  const place = placeOf(index);
  const log = lateLog();
  const lines = createLines(log, session.elapsedMs);
  const progress = toBoth(session.progress, lines);
  const found = await readStudy(nodeFiles, study);
  const unit = await readUnit({ files: nodeFiles, machine: thisMachine }, study, { list: found.list, place });
  const laboratory = await openLaboratory(
    { progress },
    { threads: threads ?? coresOfProcess() ?? null, device: device ?? unit.recipe.device },
  );
  const { context, list } = openStudy(laboratory, found, session.signal);
  const before = [list.units[place]?.coarse, list.units[place]?.teacher].filter(one => one !== undefined);
  if (withTeacher && before.length > 0) await inProcess(context).start({ study, list, places: before });
  const end = await performWhenFree(context, unit, {
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
