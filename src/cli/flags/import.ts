/** The arguments and flags of `voxstill import`; commands/import.ts holds the action. */
import { Option } from 'commander';
import type { DeclareCommand } from '../program.ts';
import { words } from '../values.ts';
import { addFactFlags, type FactFlags } from './model.ts';

/** The flags as commander parses them. */
export interface ImportFlags extends FactFlags {
  readonly out: string;
  readonly folds?: readonly string[];
  readonly checkpoint?: 'final' | 'best';
}

export const declareImport: DeclareCommand = (command, start) => {
  command
    .argument(
      '<source>',
      'nnU-Net v2 results folder, MONAI bundle, PyTorch state dictionary with a JSON beside it, or Keras file',
    )
    .requiredOption('--out <file>', 'the .onnx file to write')
    .option('--folds <list>', 'of an nnU-Net folder: 0,1,2 or all; every fold that is there if not given', words)
    .addOption(new Option('--checkpoint <which>', 'of an nnU-Net folder').choices(['final', 'best']));
  addFactFlags(command).action((source: string, flags: ImportFlags) =>
    start(async session => (await import('../commands/import.ts')).importSource(source, flags, session)),
  );
};
