/** The arguments and flags of `voxstill retry`; commands/retry.ts holds the action. */
import type { DeclareCommand } from '../program.ts';

/** The flags as commander parses them. */
export interface RetryFlags {
  readonly failed: boolean;
}

export const declareRetry: DeclareCommand = (command, start) => {
  command
    .argument('<folder>', 'folder of the run or sweep')
    .option('--failed', 'also restart units that failed', false)
    .action((study: string, flags: RetryFlags) =>
      start(async session => (await import('../commands/retry.ts')).retry(study, flags, session)),
    );
};
