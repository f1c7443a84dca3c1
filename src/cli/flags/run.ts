/** The arguments and flags of `voxstill run`; commands/run.ts holds the action. */
import type { DeclareCommand } from '../program.ts';
import { collect } from '../values.ts';
import { addDeviceFlag, type DeviceFlags } from './device.ts';
import { addExecutorFlags, type ExecutorFlags } from './executor-flags.ts';

/** The flags as commander parses them. */
export interface RunFlags extends ExecutorFlags, DeviceFlags {
  readonly out?: string;
  readonly set: readonly string[];
  readonly resume: boolean;
  readonly tensorboard: boolean;
}

export const declareRun: DeclareCommand = (command, start) => {
  addExecutorFlags(
    addDeviceFlag(command, { standard: "the recipe's" })
      .argument('<recipe>', 'recipe, a YAML file')
      .option('--out <folder>', 'folder of the run (default: runs/<name of the recipe>)')
      .option('--set <key=value>', 'value that replaces one of the recipe; may be given several times', collect, [])
      .option('--resume', 'continue the run that is in the folder', false)
      .option('--tensorboard', 'also write the histories as TensorBoard event files, when they are finished', false),
  ).action((recipePath: string, flags: RunFlags) =>
    start(async session => (await import('../commands/run.ts')).run(recipePath, flags, session)),
  );
};
