/** The flags of `voxstill demo`; commands/demo.ts does the study. */
import type { DeclareCommand } from '../program.ts';
import { wholeNumber } from '../values.ts';

/** As commander gives them. */
export interface DemoFlags {
  readonly out?: string;
  readonly quick: boolean;
  readonly seed: number;
}

export const declareDemo: DeclareCommand = (command, start) => {
  command
    .option('--out <folder>', 'where the run goes (default: the first free one of runs/demo, runs/demo-2, ...)')
    .option('--quick', 'fewer cases and steps, under a minute', false)
    .option('--seed <n>', 'of phantoms, splits and training', wholeNumber(0), 1)
    .action((flags: DemoFlags) => start(async session => (await import('../commands/demo.ts')).demo(flags, session)));
};
