/** `voxstill sweep RECIPE --grid key=[...]`: every combination, then what Dice costs and the smallest student that is good enough. */

import { readSweep, type SweepResults } from '../../experiment/sweep-record.ts';
import type { GridAxis } from '../../recipe/grid.ts';
import { stringifyRecipe } from '../../recipe/parse.ts';
import { renderSweepReport, sweepHeader, sweepRow } from '../../report/sweep-report.ts';
import type { AddCommand } from '../program.ts';
import { defaultRunFolder, loadCombinations, loadRecipe } from '../recipe.ts';
import { notesOn } from '../run-report.ts';
import { openLaboratory } from '../session.ts';
import { alignColumns } from '../table.ts';
import { collect, share } from '../values.ts';

interface Flags {
  readonly grid: readonly string[];
  readonly within?: number;
  readonly out?: string;
  readonly set: readonly string[];
}

/** A word as a shell takes it. */
function quoted(word: string): string {
  return /^[\w./=,+-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}

function commandOf(axes: readonly GridAxis[], within: number | undefined): string {
  const grid = axes.flatMap(({ key, values }) => ['--grid', quoted(`${key}=${JSON.stringify(values)}`)]);
  return ['npx voxstill sweep recipe.yaml', ...grid, ...(within === undefined ? [] : [`--within ${within}`])].join(' ');
}

/** One row per arm, then what the tests say and what was chosen. */
function sweepText(results: SweepResults): string {
  const rows = Object.keys(results.arms).map(name => sweepRow(name, results));
  const tests = [...results.againstBaseline, ...results.againstTeacher].filter(({ metric }) => metric === 'meanDice');
  return [
    ...alignColumns([sweepHeader(), ...rows]),
    ...tests.map(({ sentence }) => sentence),
    ...(results.choice === null ? [] : [results.choice.sentence]),
  ].join('\n');
}

export const addSweep: AddCommand = (program, start) => {
  program
    .command('sweep')
    .description('every combination of a grid, the Pareto front, and the smallest student that is good enough')
    .argument('<recipe>', 'YAML file')
    .requiredOption('--grid <key=[value,...]>', 'values of a key of the recipe; may be given several times', collect)
    .option('--within <dice>', 'choose the smallest student within so much validation Dice of its teacher', share)
    .option('--out <folder>', 'where the sweep goes, or goes on (default: runs/<name of the recipe>-sweep)')
    .option('--set <key=value>', 'override a value of the recipe; may be given several times', collect, [])
    .action((recipePath: string, { grid, within, out, set }: Flags) =>
      start(async session => {
        const recipe = await loadRecipe(recipePath, set);
        const combined = await loadCombinations(recipePath, set, grid);
        const { runSweep } = await import('../../experiment/sweep.ts');
        const laboratory = await openLaboratory(session, recipe.threads);
        const folder = out ?? `${defaultRunFolder(recipePath)}-sweep`;
        const results = await runSweep(laboratory, combined, {
          out: folder,
          ...(within !== undefined && { within }),
          signal: session.signal,
        });
        const text = stringifyRecipe(recipe);
        const report = `${folder}/report.html`;
        const { axes } = combined;
        const { arms } = await readSweep(laboratory.files, folder);
        const page = { title: folder, results, command: commandOf(axes, within), recipe: text, notes: notesOn(arms) };
        await laboratory.files.write(`${folder}/recipe.yaml`, text);
        await laboratory.files.write(report, renderSweepReport(page));
        return { json: { sweep: folder, report, results }, text: `${sweepText(results)}\nreport: ${report}` };
      }),
    );
};
