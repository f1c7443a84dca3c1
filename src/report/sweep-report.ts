/** The report of a sweep as a single HTML file: the choice, a table of all arms, the Pareto fronts, and the tests. */

import { formatBytes, formatCount, formatDice, formatInterval, formatSeconds } from '../core/format.ts';
import type { PairTest } from '../study/comparison/comparison.ts';
import type { SweepResults } from '../study/sweep-record.ts';
import type { UnitReport } from '../study/units/state.ts';
import { judgements } from './judgements.ts';
import { html, type Markup } from './markup.ts';
import { charts, command as codeLine, folded, renderPage, section } from './page.ts';
import { renderFronts } from './pareto-charts.ts';
import { renderTable } from './tables.ts';
import { isRunning, renderUnits } from './units-section.ts';

/** Everything that the report of a sweep shows. */
export interface SweepReportInput {
  readonly title: string;
  readonly results: SweepResults;
  /** Command that repeats the sweep. */
  readonly command: string;
  /** The recipe before the grid, resolved, YAML. */
  readonly recipe: string;
  readonly notes: readonly string[];
  readonly units: readonly UnitReport[];
}

const COLUMNS = [
  'Dice, test (95 % CI)',
  'Dice, validation',
  'Parameters',
  'Multiply-adds',
  'File',
  'Per case',
  'On the front of',
];

function frontsOf(name: string, { fronts, foundNothing }: SweepResults): string {
  if (foundNothing.includes(name)) return 'finds nothing';
  const titles = { parameters: 'parameters', bytes: 'file', secondsPerCase: 'time' } as const;
  const costs = (['parameters', 'bytes', 'secondsPerCase'] as const).filter(cost => fronts[cost].includes(name));
  return costs.map(cost => titles[cost]).join(', ');
}

/** The cells of an arm, in the order of {@link sweepHeader}. */
export function sweepRow(name: string, results: SweepResults): readonly string[] {
  const arm = results.arms[name]!;
  return [
    name,
    `${formatDice(arm.meanDice)} (${formatInterval(arm.meanDiceCi95, formatDice)})`,
    formatDice(arm.validationDice),
    formatCount(arm.parameters),
    formatCount(arm.multiplyAdds),
    formatBytes(arm.bytes),
    formatSeconds(arm.secondsPerCase),
    frontsOf(name, results),
  ];
}

/** Titles of the columns of a sweep's table. */
export function sweepHeader(): readonly string[] {
  return ['Arm', ...COLUMNS];
}

function armsTable(results: SweepResults): Markup {
  const [corner = '', ...columns] = sweepHeader();
  const rows = Object.keys(results.arms).map(name => {
    const [title = '', ...cells] = sweepRow(name, results);
    return { title, cells: cells.map(cell => [cell, ''] as const) };
  });
  return renderTable('Every arm. Ranges are 95 % confidence intervals over cases and seeds.', {
    corner,
    columns,
    rows,
  });
}

function sentences(tests: readonly PairTest[]): readonly Markup[] {
  const onMean = tests.filter(({ metric }) => metric === 'meanDice');
  return onMean.length === 0 ? [] : [html`<ul>${onMean.map(({ sentence }) => html`<li>${sentence}</li>`)}</ul>`];
}

function headlineOf({ choice, arms, recommendation }: SweepResults): string {
  const count = Object.keys(arms).length;
  return (
    choice?.sentence ??
    recommendation?.sentence ??
    (count === 1 ? 'There is one arm so far, so nothing is compared.' : `${count} arms compared.`)
  );
}

/** Renders the whole page. */
export function renderSweepReport(input: SweepReportInput): string {
  const { title, results, command, recipe, notes, units } = input;
  const sections = [
    renderUnits(units),
    section('Every arm', '', [armsTable(results)]),
    section(
      'Dice against what it costs',
      'Filled, numbered points are on the Pareto front: no other arm is as good for clearly less, or shown to be better for no more. Files within 2 % and times within 25 % count as the same; arms that find nothing are left out. Squares are students, triangles baselines, circles teachers. Fronts go by the validation cases, since test cases choose nothing.',
      charts(renderFronts(results)),
    ),
    section(
      'Students against their baselines',
      'Wilcoxon signed-rank tests on the test cases, corrected together (Holm).',
      sentences(results.againstBaseline),
    ),
    section(
      'Students against their teachers',
      'The same tests, corrected separately (Holm).',
      sentences(results.againstTeacher),
    ),
    section(
      'Not worse than the teacher',
      'One-sided tests at 5 % on the test cases of whether a student loses less mean Dice than the margin. Each stands alone: of many students some pass by luck.',
      judgements(results.notWorse),
    ),
    section('How to repeat it', 'Save the recipe below as recipe.yaml, put the data where it says, and run:', [
      codeLine(command),
    ]),
    section('Recipe', 'The recipe before the grid, with every default filled in.', [folded('Show the recipe', recipe)]),
  ];
  return renderPage({ title, headline: headlineOf(results), notes, sections, isRunning: isRunning(units) });
}
