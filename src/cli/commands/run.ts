/** `voxstill run RECIPE`: teacher, student, baseline, evaluation and report, as the recipe says. */
import { addExecutorFlags, type ExecutorFlags } from '../executor.ts';
import { executePlanned } from '../planned-study.ts';
import type { AddCommand } from '../program.ts';
import { defaultRunFolder, loadRecipe } from '../recipe.ts';
import { reportRun } from '../run-text.ts';
import { type Outcome, openLaboratory } from '../session.ts';
import { collect } from '../values.ts';

interface Flags extends ExecutorFlags {
  readonly out?: string;
  readonly set: readonly string[];
  readonly resume: boolean;
}

export const addRun: AddCommand = (program, start) => {
  const command = program
    .command('run')
    .description('teacher, student, baseline, evaluation and report, as the recipe says')
    .argument('<recipe>', 'YAML file')
    .option('--out <folder>', 'where the run goes (default: runs/<name of the recipe>)')
    .option('--set <key=value>', 'override a value of the recipe; may be given several times', collect, [])
    .option('--resume', 'go on with what is in the folder', false);
  addExecutorFlags(command).action((recipePath: string, { out, set, resume, ...executor }: Flags) =>
    start(async session => {
      const recipe = await loadRecipe(recipePath, set);
      const { planRun } = await import('../../study/run.ts');
      const laboratory = await openLaboratory(session, recipe.threads);
      const { progress, signal } = session;
      const folder = out ?? defaultRunFolder(recipePath);
      const planned = await planRun(laboratory, recipe, { out: folder, resume, signal });
      const report = (): Promise<Outcome> => reportRun(laboratory, folder);
      return executePlanned(planned, executor, { progress, signal, report });
    }),
  );
};
