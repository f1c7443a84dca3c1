/** The flags that say who starts the units of a run or sweep. */
import { type Command, Option } from 'commander';
import type { ExecutorKind } from '../../study/units/executor.ts';
import { wholeNumber } from '../values.ts';

/** Flags as commander gives them. */
export interface ExecutorFlags {
  readonly executor: ExecutorKind;
  readonly concurrency?: number;
  readonly sbatch?: string;
  readonly dryRun: boolean;
}

/** Adds --executor and what belongs to it. */
export function addExecutorFlags(command: Command): Command {
  return command
    .addOption(
      new Option('--executor <which>', 'who starts the units: this machine, Slurm, or nobody')
        .choices(['local', 'slurm', 'none'] satisfies ExecutorKind[])
        .default('local'),
    )
    .option(
      '--concurrency <n>',
      'units at once; several share the cores, each in a process of its own (default: 1 here, as Slurm likes)',
      wholeNumber(1),
    )
    .option('--sbatch <options>', 'further options for sbatch, such as "--partition=gpu --time=2:00:00"')
    .option('--dry-run', 'tell what would be done and what it costs, and do nothing', false);
}
