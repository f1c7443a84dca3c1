/** `voxstill demo`: the whole experiment on generated phantoms, without any data. */

import { nodeFiles } from '../../platform/node/files.ts';
import { freshFolder } from '../../study/folder.ts';
import type { AddCommand } from '../program.ts';
import { reportRun } from '../run-text.ts';
import { openLaboratory } from '../session.ts';
import { wholeNumber } from '../values.ts';

interface Flags {
  readonly out?: string;
  readonly quick: boolean;
  readonly seed: number;
}

export const addDemo: AddCommand = (program, start) => {
  program
    .command('demo')
    .description('the whole experiment on generated phantoms')
    .option('--out <folder>', 'where the run goes (default: the first free one of runs/demo, runs/demo-2, ...)')
    .option('--quick', 'fewer cases and steps, under a minute', false)
    .option('--seed <n>', 'of phantoms, splits and training', wholeNumber(0), 1)
    .action(({ out, quick, seed }: Flags) =>
      start(async session => {
        const { runDemo } = await import('../../study/demo.ts');
        const laboratory = await openLaboratory(session, null);
        const folder = out ?? (await freshFolder(nodeFiles, 'runs/demo'));
        await runDemo(laboratory, { out: folder, quick, seed, signal: session.signal });
        return reportRun(laboratory, folder);
      }),
    );
};
