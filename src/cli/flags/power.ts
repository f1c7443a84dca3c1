/** The arguments and flags of `voxstill power`; commands/power.ts holds the action. */
import type { DeclareCommand } from '../program.ts';
import { openShare } from '../values.ts';

/** The flags as commander parses them. */
export interface PowerFlags {
  readonly margin: number;
}

export const declarePower: DeclareCommand = (command, start) => {
  command
    .argument('<folder>', 'folder of a finished run or sweep')
    .requiredOption('--margin <dice>', 'loss of mean Dice against the teacher that does not matter', openShare)
    .action((folder: string, flags: PowerFlags) =>
      start(async () => (await import('../commands/power.ts')).power(folder, flags)),
    );
};
