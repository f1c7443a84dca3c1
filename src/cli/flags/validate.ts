/** The flags of `voxstill validate`; commands/validate.ts does the study. */
import type { DeclareCommand } from '../program.ts';

export const declareValidate: DeclareCommand = (command, start) => {
  command
    .argument('<dataset>', 'a Decathlon or nnU-Net raw folder')
    .action((folder: string) =>
      start(async session => (await import('../commands/validate.ts')).validate(folder, session)),
    );
};
