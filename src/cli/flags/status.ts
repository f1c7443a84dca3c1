/** The flags of `voxstill status`; commands/status.ts does the study. */
import type { DeclareCommand } from '../program.ts';

/** As commander gives them. */
export interface StatusFlags {
  readonly watch: boolean;
}

export const declareStatus: DeclareCommand = (command, start) => {
  command
    .argument('<folder>', 'of the run or sweep')
    .option('--watch', 'go on telling until all units have ended', false)
    .action((study: string, flags: StatusFlags) =>
      start(async session => (await import('../commands/status.ts')).status(study, flags, session)),
    );
};
