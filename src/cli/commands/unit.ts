/** `voxstill unit WORK INDEX`: one unit of a run or sweep, for whoever starts units: a pool of processes, Slurm, Kubernetes. */
import { InputError } from '../../core/errors.ts';
import { coresOfProcess, indexOfProcess } from '../../platform/node/batch-system.ts';
import { type LogFile, openLogFile } from '../../platform/node/log-file.ts';
import { toBoth } from '../../runtime/progress.ts';
import type { AddCommand } from '../program.ts';
import { createLines } from '../progress.ts';
import { openLaboratory } from '../session.ts';
import { wholeNumber } from '../values.ts';

interface Flags {
  readonly threads?: number;
  readonly withTeacher: boolean;
}

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

export const addUnit: AddCommand = (program, start) => {
  program
    .command('unit')
    .description('do one unit of a run or sweep, as a batch system starts it')
    .argument('<folder>', 'of the run or sweep')
    .argument(
      '[index]',
      'place of the unit in units.json (default: JOB_COMPLETION_INDEX or SLURM_ARRAY_TASK_ID)',
      wholeNumber(0),
    )
    .option('--threads <n>', 'CPU threads (default: SLURM_CPUS_PER_TASK, else one per core)', wholeNumber(1))
    .option('--with-teacher', 'first do the unit that teaches this one, or wait for it', false)
    .action((study: string, index: number | undefined, { threads, withTeacher }: Flags) =>
      start(async session => {
        const place = placeOf(index);
        const log = lateLog();
        const lines = createLines(log, session.elapsedMs);
        const progress = toBoth(session.progress, lines);
        const laboratory = await openLaboratory({ progress }, threads ?? coresOfProcess() ?? null);
        const { logPath } = await import('../../study/units/claim.ts');
        const { shortfallError, shortfallText } = await import('../../study/units/end.ts');
        const { inProcess } = await import('../../study/units/in-process.ts');
        const { openStudy } = await import('../../study/open-study.ts');
        const { performWhenFree } = await import('../../study/units/perform-unit.ts');
        const { readStudy } = await import('../../study/read-study.ts');
        const { readUnit } = await import('../../study/units/units-file.ts');
        const { context, list } = openStudy(laboratory, await readStudy(laboratory.files, study), session.signal);
        const unit = await readUnit(laboratory.files, study, { list, place });
        const teacher = list.units[place]?.teacher;
        if (withTeacher && teacher !== undefined) await inProcess(context).start({ study, list, places: [teacher] });
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
      }),
    );
};
