/** The arguments and flags of `voxstill validate`; commands/validate.ts holds the action. */
import type { DeclareCommand } from '../program.ts';

export const declareValidate: DeclareCommand = (command, start) => {
  command
    .argument('<dataset>', 'folder of a data set (Medical Segmentation Decathlon, nnU-Net raw, label maps), or recipe')
    .action((folder: string) =>
      start(async session => (await import('../commands/validate.ts')).validate(folder, session)),
    );
};
