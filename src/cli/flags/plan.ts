/** The flags of `voxstill plan`; commands/plan.ts does the study. */
import type { DeclareCommand } from '../program.ts';
import { positiveNumber } from '../values.ts';

/** As commander gives them. */
export interface PlanFlags {
  readonly out?: string;
  readonly memory: number;
}

const DEFAULT_GIGABYTES = 2;

export const declarePlan: DeclareCommand = (command, start) => {
  command
    .argument('<dataset>', 'a Decathlon or nnU-Net raw folder')
    .option('--out <recipe>', 'write the recipe there; it is printed if not given')
    .option('--memory <gigabytes>', 'that training may take', positiveNumber, DEFAULT_GIGABYTES)
    .action((folder: string, flags: PlanFlags) =>
      start(async session => (await import('../commands/plan.ts')).plan(folder, flags, session)),
    );
};
