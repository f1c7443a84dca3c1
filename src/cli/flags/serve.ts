/** The arguments and flags of `voxstill serve`; commands/serve.ts holds the action. */
import type { DeclareCommand } from '../program.ts';
import { wholeNumber } from '../values.ts';

/** The flags as commander parses them. */
export interface ServeFlags {
  readonly port: number;
}

export const declareServe: DeclareCommand = (command, start) => {
  command
    .argument('[folder]', 'folder of a run or sweep, finished or still running')
    .option('--port <n>', 'port to listen on; 0 takes any free one', wholeNumber(0), 0)
    .action((run: string | undefined, flags: ServeFlags) =>
      start(async session => (await import('../commands/serve.ts')).serve(run, flags, session)),
    );
};
