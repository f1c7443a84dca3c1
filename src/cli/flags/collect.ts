/** The flags of `voxstill collect`; commands/collect.ts does the study. */
import type { DeclareCommand } from '../program.ts';

/** As commander gives them. */
export interface CollectFlags {
  readonly again: boolean;
}

export const declareCollect: DeclareCommand = (command, start) => {
  command
    .argument('<folder>', 'of the run or sweep')
    .option('--again', 'have the batch system start again what it lost', false)
    .action((study: string, flags: CollectFlags) =>
      start(async session => (await import('../commands/collect.ts')).collect(study, flags, session)),
    );
};
