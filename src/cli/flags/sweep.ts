/** The arguments and flags of `voxstill sweep`; commands/sweep.ts holds the action. */
import type { DeclareCommand } from '../program.ts';
import { collect, share } from '../values.ts';
import { addDeviceFlag, type DeviceFlags } from './device.ts';
import { addExecutorFlags, type ExecutorFlags } from './executor-flags.ts';

/** The flags as commander parses them. */
export interface SweepFlags extends ExecutorFlags, DeviceFlags {
  readonly grid: readonly string[];
  readonly within?: number;
  readonly out?: string;
  readonly set: readonly string[];
}

export const declareSweep: DeclareCommand = (command, start) => {
  addExecutorFlags(
    addDeviceFlag(command, { standard: "the recipe's" })
      .argument('<recipe>', 'recipe, a YAML file')
      .requiredOption(
        '--grid <key=[value,...]>',
        'values to try for one key of the recipe; may be given several times',
        collect,
      )
      .option(
        '--within <dice>',
        'choose the smallest student whose validation Dice is at most this far below its teacher',
        share,
      )
      .option('--out <folder>', 'folder of the sweep, new or to continue (default: runs/<name of the recipe>-sweep)')
      .option('--set <key=value>', 'value that replaces one of the recipe; may be given several times', collect, []),
  ).action((recipePath: string, flags: SweepFlags) =>
    start(async session => (await import('../commands/sweep.ts')).sweep(recipePath, flags, session)),
  );
};
