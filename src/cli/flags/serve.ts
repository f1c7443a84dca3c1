/** The flags of `voxstill serve`; commands/serve.ts does the study. */
import type { DeclareCommand } from '../program.ts';
import { wholeNumber } from '../values.ts';

/** As commander gives them. */
export interface ServeFlags {
  readonly port: number;
}

export const declareServe: DeclareCommand = (command, start) => {
  command
    .argument('[folder]', 'of a run or sweep, finished or still running')
    .option('--port <n>', 'where to listen; 0 takes any that is free', wholeNumber(0), 0)
    .action((run: string | undefined, flags: ServeFlags) =>
      start(async session => (await import('../commands/serve.ts')).serve(run, flags, session)),
    );
};
