/** The arguments and flags of `voxstill cancel`; commands/cancel.ts holds the action. */
import type { DeclareCommand } from '../program.ts';

export const declareCancel: DeclareCommand = (command, start) => {
  command
    .argument('<folder>', 'folder of the run or sweep')
    .action((study: string) => start(async () => (await import('../commands/cancel.ts')).cancel(study)));
};
