/** The arguments and flags of `voxstill quantise`; commands/quantise.ts holds the action. */
import { Option } from 'commander';
import type { SmallPrecision } from '../../experiment/quantise.ts';
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

/** Losses of Dice with which a smaller form is kept, if nothing else is asked. */
const LIMITS = { classLoss: 0.005, meanLoss: 0.002 } as const;

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
    .option('--class-loss <dice>', 'largest loss of the Dice of a class', share, LIMITS.classLoss)
    .option('--mean-loss <dice>', 'largest loss of the mean Dice', share, LIMITS.meanLoss)
    .action((source: string, flags: QuantiseFlags) =>
      start(async session => (await import('../commands/quantise.ts')).quantise(source, flags, session)),
    );
};
