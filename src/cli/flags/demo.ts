/** The arguments and flags of `voxstill demo`; commands/demo.ts holds the action. */
import type { DeclareCommand } from '../program.ts';
import { wholeNumber } from '../values.ts';
import { addDeviceFlag, type DeviceFlags } from './device.ts';

/** The flags as commander parses them. */
export interface DemoFlags extends DeviceFlags {
  readonly out?: string;
  readonly quick: boolean;
  readonly seed: number;
}

export const declareDemo: DeclareCommand = (command, start) => {
  addDeviceFlag(command)
    .option('--out <folder>', 'folder of the run (default: the first free one of runs/demo, runs/demo-2, ...)')
    .option('--quick', 'fewer cases and steps: under a minute', false)
    .option('--seed <n>', 'random seed of phantoms, splits and training', wholeNumber(0), 1)
    .action((flags: DemoFlags) => start(async session => (await import('../commands/demo.ts')).demo(flags, session)));
};
