/** The arguments and flags of `voxstill status`; commands/status.ts holds the action. */
import type { DeclareCommand } from '../program.ts';

/** The flags as commander parses them. */
export interface StatusFlags {
  readonly watch: boolean;
}

export const declareStatus: DeclareCommand = (command, start) => {
  command
    .argument('<folder>', 'folder of the run or sweep')
    .option('--watch', 'keep reporting until all units have ended', false)
    .action((study: string, flags: StatusFlags) =>
      start(async session => (await import('../commands/status.ts')).status(study, flags, session)),
    );
};
