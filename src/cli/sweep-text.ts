/** Writes report.html from the files of a sweep, and builds the outcome of a command for it. */

import { notesOn } from '../report/report-input.ts';
import { lastName, withoutFolders } from '../report/run-facts.ts';
import type { Files } from '../runtime/files.ts';
import { readText } from '../runtime/json-file.ts';
import { incompleteNotes } from '../study/comparison/incomplete.ts';
import { readSweep, readSweepRecord, type SweepResults } from '../study/sweep-record.ts';
import type { Outcome } from './session.ts';
import { alignColumns } from './table.ts';
import { unitStates } from './unit-states.ts';

/** Quotes a word for a shell. */
function quoted(word: string): string {
  return /^[\w./=,+-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}

function commandOf({ grid, within }: Awaited<ReturnType<typeof readSweepRecord>>): string {
  const flags = Object.entries(grid).flatMap(([key, values]) => ['--grid', quoted(`${key}=${JSON.stringify(values)}`)]);
  return ['npx voxstill sweep recipe.yaml', ...flags, ...(within === null ? [] : [`--within ${within}`])].join(' ');
}

/**
 * One row per arm, then the results of the tests and the choice.
 * @param table header and rows
 */
function sweepText(table: readonly (readonly string[])[], results: SweepResults): string {
  const tests = [...results.againstBaseline, ...results.againstTeacher].filter(({ metric }) => metric === 'meanDice');
  return [
    ...alignColumns(table),
    ...tests.map(({ sentence }) => sentence),
    ...results.notWorse.map(({ sentence }) => sentence),
    ...(results.choice === null ? [] : [results.choice.sentence]),
    ...(results.recommendation === null ? [] : [results.recommendation.sentence]),
    ...incompleteNotes(results.incomplete ?? {}),
  ].join('\n');
}

/** Writes the report of a sweep. */
export async function reportSweep(files: Files, folder: string, results: SweepResults): Promise<Outcome> {
  // the chart library takes longer to load than most commands run
  const { renderSweepReport, sweepHeader, sweepRow } = await import('../report/sweep-report.ts');
  const report = `${folder}/report.html`;
  const record = await readSweepRecord(files, folder);
  const { arms } = await readSweep(files, folder);
  const page = {
    title: lastName(folder),
    results,
    command: commandOf(record),
    recipe: withoutFolders(await readText(files, `${folder}/recipe.yaml`)),
    notes: [...incompleteNotes(results.incomplete ?? {}), ...notesOn(arms)],
    units: await unitStates(folder),
  };
  await files.write(report, renderSweepReport(page));
  const table = [sweepHeader(), ...Object.keys(results.arms).map(name => sweepRow(name, results))];
  return { json: { sweep: folder, report, results }, text: `${sweepText(table, results)}\nreport: ${report}` };
}
