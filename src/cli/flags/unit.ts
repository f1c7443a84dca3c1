/** The flags of `voxstill unit`; commands/unit.ts does the study. */
import type { DeclareCommand } from '../program.ts';
import { wholeNumber } from '../values.ts';

/** As commander gives them. */
export interface UnitFlags {
  readonly threads?: number;
  readonly withTeacher: boolean;
}

export const declareUnit: DeclareCommand = (command, start) => {
  command
    .argument('<folder>', 'of the run or sweep')
    .argument(
      '[index]',
      'place of the unit in units.json (default: JOB_COMPLETION_INDEX or SLURM_ARRAY_TASK_ID)',
      wholeNumber(0),
    )
    .option('--threads <n>', 'CPU threads (default: SLURM_CPUS_PER_TASK, else one per core)', wholeNumber(1))
    .option('--with-teacher', 'first do the unit that teaches this one, or wait for it', false)
    .action((study: string, index: number | undefined, flags: UnitFlags) =>
      start(async session => (await import('../commands/unit.ts')).unit({ study, index }, flags, session)),
    );
};
