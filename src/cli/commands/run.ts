/** `voxstill run RECIPE`: teacher, student, baseline, evaluation and report, as the recipe says. */
import type { AddCommand } from '../program.ts';
import { defaultRunFolder, loadRecipe } from '../recipe.ts';
import { reportRun } from '../run-report.ts';
import { openLaboratory } from '../session.ts';
import { collect } from '../values.ts';

interface Flags {
  readonly out?: string;
  readonly set: readonly string[];
  readonly resume: boolean;
}

export const addRun: AddCommand = (program, start) => {
  program
    .command('run')
    .description('teacher, student, baseline, evaluation and report, as the recipe says')
    .argument('<recipe>', 'YAML file')
    .option('--out <folder>', 'where the run goes (default: runs/<name of the recipe>)')
    .option('--set <key=value>', 'override a value of the recipe; may be given several times', collect, [])
    .option('--resume', 'go on with what is in the folder', false)
    .action((recipePath: string, { out, set, resume }: Flags) =>
      start(async session => {
        const recipe = await loadRecipe(recipePath, set);
        const { runExperiment } = await import('../../experiment/run.ts');
        const laboratory = await openLaboratory(session, recipe.threads);
        const folder = out ?? defaultRunFolder(recipePath);
        await runExperiment(laboratory, recipe, { out: folder, resume, signal: session.signal });
        return reportRun(laboratory, folder);
      }),
    );
};
