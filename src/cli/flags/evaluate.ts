/** The arguments and flags of `voxstill evaluate`; commands/evaluate.ts holds the action. */
import { Option } from 'commander';
import type { Splits } from '../../data/splits.ts';
import type { DeclareCommand } from '../program.ts';
import { words } from '../values.ts';
import { addDeviceFlag, type DeviceFlags } from './device.ts';
import { addModelFlags, type ModelFlags } from './model.ts';

/** The flags as commander parses them. */
export interface EvaluateFlags extends ModelFlags, DeviceFlags {
  readonly data: string;
  readonly split: keyof Splits | 'all';
  readonly splits?: string;
  readonly out?: string;
  readonly lesions?: readonly string[];
}

export const declareEvaluate: DeclareCommand = (command, start) => {
  addDeviceFlag(addModelFlags(command))
    .requiredOption('--data <folder>', 'folder of a data set: Medical Segmentation Decathlon or nnU-Net raw')
    .addOption(
      new Option('--split <name>', 'cases to evaluate').choices(['train', 'val', 'test', 'all']).default('test'),
    )
    .option('--splits <file>', 'splits.json to use (default: the one of the run that the model belongs to)')
    .option('--out <file>', 'evaluation.json to write, with cases.csv beside it')
    .option(
      '--lesions <classes>',
      'classes made of many structures, a,b: each is also scored structure by structure',
      words,
    )
    .action((flags: EvaluateFlags) =>
      start(async session => (await import('../commands/evaluate.ts')).evaluate(flags, session)),
    );
};
