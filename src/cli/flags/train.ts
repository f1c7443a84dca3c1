/** The flags of `voxstill train`; commands/train.ts does the study. */
import { Option } from 'commander';
import { ARMS, type Arm } from '../../experiment/record.ts';
import type { DeclareCommand } from '../program.ts';
import { collect } from '../values.ts';

/** As commander gives them. */
export interface TrainFlags {
  readonly arm: Arm;
  readonly out?: string;
  readonly set: readonly string[];
  readonly resume: boolean;
}

export const declareTrain: DeclareCommand = (command, start) => {
  command
    .argument('<recipe>', 'YAML file')
    .addOption(new Option('--arm <arm>', 'which one').choices(ARMS).makeOptionMandatory())
    .option('--out <folder>', 'the run that the arm belongs to (default: runs/<name of the recipe>)')
    .option('--set <key=value>', 'override a value of the recipe; may be given several times', collect, [])
    .option('--resume', 'go on from the checkpoint', false)
    .action((recipePath: string, flags: TrainFlags) =>
      start(async session => (await import('../commands/train.ts')).train(recipePath, flags, session)),
    );
};
