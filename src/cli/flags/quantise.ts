/** The arguments and flags of `voxstill quantise`; commands/quantise.ts holds the action. */
import { Option } from 'commander';
import type { SmallPrecision } from '../../experiment/quantise.ts';
import { EXPORT_DEFAULTS } from '../../recipe/export-defaults.ts';
import type { DeclareCommand } from '../program.ts';
import { share } from '../values.ts';

/** The flags as commander parses them. */
export interface QuantiseFlags {
  readonly precision: SmallPrecision;
  readonly out?: string;
  readonly data?: string;
  readonly splits?: string;
  readonly classLoss: number;
  readonly meanLoss: number;
}

export const declareQuantise: DeclareCommand = (command, start) => {
  command
    .argument('<source>', 'folder of a run, whose students are meant, or an .onnx file')
    .addOption(
      new Option(
        '--precision <kind>',
        '8bit: convolutions in whole numbers of 8 bits; float16: weights in half the space, same speed',
      )
        .choices(['8bit', 'float16'] satisfies SmallPrecision[])
        .default('8bit'),
    )
    .option('--out <file>', 'of a model: the .onnx file to write (default: M-8bit.onnx beside M.onnx)')
    .option(
      '--data <folder>',
      'of a model: the data set whose validation cases give the ranges and the scores; a run knows its own',
    )
    .option('--splits <file>', 'of a model: splits.json to use (default: the one of the run that the model belongs to)')
    .option('--class-loss <dice>', 'largest loss of the Dice of a class', share, EXPORT_DEFAULTS.classLoss)
    .option('--mean-loss <dice>', 'largest loss of the mean Dice', share, EXPORT_DEFAULTS.meanLoss)
    .action((source: string, flags: QuantiseFlags) =>
      start(async session => (await import('../commands/quantise.ts')).quantise(source, flags, session)),
    );
};
