/** The arguments and flags of `voxstill collect`; commands/collect.ts holds the action. */
import type { DeclareCommand } from '../program.ts';

/** The flags as commander parses them. */
export interface CollectFlags {
  readonly again: boolean;
}

export const declareCollect: DeclareCommand = (command, start) => {
  command
    .argument('<folder>', 'folder of the run or sweep')
    .option('--again', 'also submit lost units to the batch system again', false)
    .action((study: string, flags: CollectFlags) =>
      start(async session => (await import('../commands/collect.ts')).collect(study, flags, session)),
    );
};
