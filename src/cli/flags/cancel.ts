/** The flags of `voxstill cancel`; commands/cancel.ts does the study. */
import type { DeclareCommand } from '../program.ts';

export const declareCancel: DeclareCommand = (command, start) => {
  command
    .argument('<folder>', 'of the run or sweep')
    .action((study: string) => start(async () => (await import('../commands/cancel.ts')).cancel(study)));
};
