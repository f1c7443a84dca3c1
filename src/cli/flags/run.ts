/** The flags of `voxstill run`; commands/run.ts does the study. */
import type { DeclareCommand } from '../program.ts';
import { collect } from '../values.ts';
import { addExecutorFlags, type ExecutorFlags } from './executor.ts';

/** As commander gives them. */
export interface RunFlags extends ExecutorFlags {
  readonly out?: string;
  readonly set: readonly string[];
  readonly resume: boolean;
}

export const declareRun: DeclareCommand = (command, start) => {
  addExecutorFlags(
    command
      .argument('<recipe>', 'YAML file')
      .option('--out <folder>', 'where the run goes (default: runs/<name of the recipe>)')
      .option('--set <key=value>', 'override a value of the recipe; may be given several times', collect, [])
      .option('--resume', 'go on with what is in the folder', false),
  ).action((recipePath: string, flags: RunFlags) =>
    start(async session => (await import('../commands/run.ts')).run(recipePath, flags, session)),
  );
};
