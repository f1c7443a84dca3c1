/** The arguments and flags of `voxstill train`; commands/train.ts holds the action. */
import { Option } from 'commander';
import { TRAINED_ARMS, type TrainedArm } from '../../experiment/record.ts';
import type { DeclareCommand } from '../program.ts';
import { collect } from '../values.ts';
import { addDeviceFlag, type DeviceFlags } from './device.ts';

/** The flags as commander parses them. */
export interface TrainFlags extends DeviceFlags {
  readonly arm: TrainedArm;
  readonly out?: string;
  readonly set: readonly string[];
  readonly resume: boolean;
  readonly tensorboard: boolean;
}

export const declareTrain: DeclareCommand = (command, start) => {
  addDeviceFlag(command, { standard: "the recipe's" })
    .argument('<recipe>', 'recipe, a YAML file')
    .addOption(new Option('--arm <arm>', 'arm to train').choices(TRAINED_ARMS).makeOptionMandatory())
    .option('--out <folder>', 'folder of the run that the arm belongs to (default: runs/<name of the recipe>)')
    .option('--set <key=value>', 'value that replaces one of the recipe; may be given several times', collect, [])
    .option('--resume', 'continue from the checkpoint', false)
    .option('--tensorboard', 'also write the histories as TensorBoard event files, when they are finished', false)
    .action((recipePath: string, flags: TrainFlags) =>
      start(async session => (await import('../commands/train.ts')).train(recipePath, flags, session)),
    );
};
