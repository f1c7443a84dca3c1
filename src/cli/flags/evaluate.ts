/** The flags of `voxstill evaluate`; commands/evaluate.ts does the study. */
import { Option } from 'commander';
import type { Splits } from '../../data/splits.ts';
import type { DeclareCommand } from '../program.ts';
import { addModelFlags, type ModelFlags } from './model.ts';

/** As commander gives them. */
export interface EvaluateFlags extends ModelFlags {
  readonly data: string;
  readonly split: keyof Splits | 'all';
  readonly splits?: string;
  readonly out?: string;
}

export const declareEvaluate: DeclareCommand = (command, start) => {
  addModelFlags(command)
    .requiredOption('--data <folder>', 'a Decathlon or nnU-Net raw folder')
    .addOption(new Option('--split <name>', 'which cases').choices(['train', 'val', 'test', 'all']).default('test'))
    .option('--splits <file>', 'a splits.json (default: the one of the run that the model is in)')
    .option('--out <file>', 'write evaluation.json there')
    .action((flags: EvaluateFlags) =>
      start(async session => (await import('../commands/evaluate.ts')).evaluate(flags, session)),
    );
};
