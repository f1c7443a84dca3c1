/** The arguments and flags of `voxstill plan`; commands/plan.ts holds the action. */
import { Option } from 'commander';
import type { DeclareCommand } from '../program.ts';
import { positiveNumber } from '../values.ts';
import { addDeviceFlag, type DeviceFlags } from './device.ts';

/** The flags as commander parses them. */
export interface PlanFlags extends DeviceFlags {
  readonly out?: string;
  readonly memory: number;
  readonly resolution: 'auto' | 'full';
}

const DEFAULT_GIGABYTES = 2;

export const declarePlan: DeclareCommand = (command, start) => {
  addDeviceFlag(command)
    .argument('<dataset>', 'folder of a data set: Medical Segmentation Decathlon, nnU-Net raw, or label maps')
    .option('--out <recipe>', 'recipe to write (default: print it)')
    .option('--memory <gigabytes>', 'memory limit of training in GB', positiveNumber, DEFAULT_GIGABYTES)
    .addOption(
      new Option(
        '--resolution <which>',
        'spacing of the images: auto takes a coarser one where a patch would see too little of a case',
      )
        .choices(['auto', 'full'])
        .default('auto'),
    )
    .action((folder: string, flags: PlanFlags) =>
      start(async session => (await import('../commands/plan.ts')).plan(folder, flags, session)),
    );
};
