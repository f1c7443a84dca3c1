/** The flags of `voxstill retry`; commands/retry.ts does the study. */
import type { DeclareCommand } from '../program.ts';

/** As commander gives them. */
export interface RetryFlags {
  readonly failed: boolean;
}

export const declareRetry: DeclareCommand = (command, start) => {
  command
    .argument('<folder>', 'of the run or sweep')
    .option('--failed', 'also those that have failed', false)
    .action((study: string, flags: RetryFlags) =>
      start(async session => (await import('../commands/retry.ts')).retry(study, flags, session)),
    );
};
