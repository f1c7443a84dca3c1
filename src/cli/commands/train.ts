/** `voxstill train RECIPE --arm ARM`: one arm of a recipe. The student needs the teacher in the same folder. */
import { Option } from 'commander';
import { ARMS, type Arm } from '../../experiment/record.ts';
import type { AddCommand } from '../program.ts';
import { defaultRunFolder, loadRecipe } from '../recipe.ts';
import { openLaboratory } from '../session.ts';
import { collect } from '../values.ts';

interface Flags {
  readonly arm: Arm;
  readonly out?: string;
  readonly set: readonly string[];
  readonly resume: boolean;
}

export const addTrain: AddCommand = (program, start) => {
  program
    .command('train')
    .description('train one arm of a recipe')
    .argument('<recipe>', 'YAML file')
    .addOption(new Option('--arm <arm>', 'which one').choices(ARMS).makeOptionMandatory())
    .option('--out <folder>', 'the run that the arm belongs to (default: runs/<name of the recipe>)')
    .option('--set <key=value>', 'override a value of the recipe; may be given several times', collect, [])
    .option('--resume', 'go on from the checkpoint', false)
    .action((recipePath: string, { arm, out, set, resume }: Flags) =>
      start(async session => {
        const recipe = await loadRecipe(recipePath, set);
        const { trainOneArm } = await import('../../study/run.ts');
        const laboratory = await openLaboratory(session, recipe.threads);
        const folder = out ?? defaultRunFolder(recipePath);
        const summary = await trainOneArm(laboratory, recipe, { arm, out: folder, resume, signal: session.signal });
        return { json: summary, text: `trained ${arm}: ${summary.folder}` };
      }),
    );
};
