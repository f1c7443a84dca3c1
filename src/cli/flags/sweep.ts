/** The flags of `voxstill sweep`; commands/sweep.ts does the study. */
import type { DeclareCommand } from '../program.ts';
import { collect, share } from '../values.ts';
import { addExecutorFlags, type ExecutorFlags } from './executor.ts';

/** As commander gives them. */
export interface SweepFlags extends ExecutorFlags {
  readonly grid: readonly string[];
  readonly within?: number;
  readonly out?: string;
  readonly set: readonly string[];
}

export const declareSweep: DeclareCommand = (command, start) => {
  addExecutorFlags(
    command
      .argument('<recipe>', 'YAML file')
      .requiredOption('--grid <key=[value,...]>', 'values of a key of the recipe; may be given several times', collect)
      .option('--within <dice>', 'choose the smallest student within so much validation Dice of its teacher', share)
      .option('--out <folder>', 'where the sweep goes, or goes on (default: runs/<name of the recipe>-sweep)')
      .option('--set <key=value>', 'override a value of the recipe; may be given several times', collect, []),
  ).action((recipePath: string, flags: SweepFlags) =>
    start(async session => (await import('../commands/sweep.ts')).sweep(recipePath, flags, session)),
  );
};
