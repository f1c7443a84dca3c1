/** The flags that choose what starts the units of a run or sweep. */
import { type Command, Option } from 'commander';
import type { ExecutorKind } from '../../study/units/executor.ts';
import { wholeNumber } from '../values.ts';

/** The flags as commander parses them. */
export interface ExecutorFlags {
  readonly executor: ExecutorKind;
  readonly concurrency?: number;
  readonly sbatch?: string;
  readonly dryRun: boolean;
}

/** Adds --executor and the flags that belong to it. */
export function addExecutorFlags(command: Command): Command {
  return command
    .addOption(
      new Option('--executor <which>', 'what starts the units: this machine, Slurm, or nothing')
        .choices(['local', 'slurm', 'none'] satisfies ExecutorKind[])
        .default('local'),
    )
    .option(
      '--concurrency <n>',
      'number of units that run at once, each in a process with its share of the cores (default: 1 here; no limit on Slurm)',
      wholeNumber(1),
    )
    .option('--sbatch <options>', 'additional options for sbatch, such as "--partition=gpu --time=2:00:00"')
    .option('--dry-run', 'print the units and their estimated cost without running them', false);
}
