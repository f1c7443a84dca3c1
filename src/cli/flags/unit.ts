/** The arguments and flags of `voxstill unit`; commands/unit.ts holds the action. */
import type { DeclareCommand } from '../program.ts';
import { wholeNumber } from '../values.ts';
import { addDeviceFlag, type DeviceFlags } from './device.ts';

/** The flags as commander parses them. */
export interface UnitFlags extends DeviceFlags {
  readonly threads?: number;
  readonly withTeacher: boolean;
}

export const declareUnit: DeclareCommand = (command, start) => {
  addDeviceFlag(command, { standard: "that of the unit's recipe" })
    .argument('<folder>', 'folder of the run or sweep')
    .argument(
      '[index]',
      'index of the unit in units.json (default: JOB_COMPLETION_INDEX or SLURM_ARRAY_TASK_ID)',
      wholeNumber(0),
    )
    .option(
      '--threads <n>',
      'number of CPU threads (default: SLURM_CPUS_PER_TASK, otherwise one per core)',
      wholeNumber(1),
    )
    .option('--with-teacher', 'run the units first that teach this one or find its region, or wait for them', false)
    .action((study: string, index: number | undefined, flags: UnitFlags) =>
      start(async session => (await import('../commands/unit.ts')).unit({ study, index }, flags, session)),
    );
};
