/** `voxstill sweep RECIPE --grid key=[...]`: every combination, then what Dice costs and the smallest student that is good enough. */
import type { SweepResults } from '../../study/sweep-record.ts';
import { addExecutorFlags, type ExecutorFlags } from '../executor.ts';
import { executePlanned } from '../planned-study.ts';
import type { AddCommand } from '../program.ts';
import { defaultRunFolder, loadSweep } from '../recipe.ts';
import { type Outcome, openLaboratory } from '../session.ts';
import { reportSweep } from '../sweep-text.ts';
import { collect, share } from '../values.ts';

interface Flags extends ExecutorFlags {
  readonly grid: readonly string[];
  readonly within?: number;
  readonly out?: string;
  readonly set: readonly string[];
}

export const addSweep: AddCommand = (program, start) => {
  const command = program
    .command('sweep')
    .description('every combination of a grid, the Pareto front, and the smallest student that is good enough')
    .argument('<recipe>', 'YAML file')
    .requiredOption('--grid <key=[value,...]>', 'values of a key of the recipe; may be given several times', collect)
    .option('--within <dice>', 'choose the smallest student within so much validation Dice of its teacher', share)
    .option('--out <folder>', 'where the sweep goes, or goes on (default: runs/<name of the recipe>-sweep)')
    .option('--set <key=value>', 'override a value of the recipe; may be given several times', collect, []);
  addExecutorFlags(command).action((recipePath: string, { grid, within, out, set, ...executor }: Flags) =>
    start(async session => {
      const sweep = await loadSweep(recipePath, set, grid);
      const { planSweep } = await import('../../study/sweep.ts');
      const laboratory = await openLaboratory(session, sweep.recipe.threads);
      const { progress, signal } = session;
      const folder = out ?? `${defaultRunFolder(recipePath)}-sweep`;
      const options = { out: folder, ...(within !== undefined && { within }), signal };
      const planned = await planSweep(laboratory, sweep, options);
      const report = (results: SweepResults): Promise<Outcome> => reportSweep(laboratory.files, folder, results);
      return executePlanned(planned, executor, { progress, signal, report });
    }),
  );
};
