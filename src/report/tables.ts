/** The report's tables. Measures are rows and arms are columns, so that three arms fit a narrow screen. */

import {
  formatBytes,
  formatCount,
  formatDice,
  formatInterval,
  formatNumber,
  formatPValue,
  formatSeconds,
  formatShare,
  formatSigned,
  plural,
} from '../core/format.ts';
import type { Evaluation } from '../experiment/record.ts';
import type { ClassSummary } from '../metrics/case-score.ts';
import type { Estimate } from '../metrics/statistics.ts';
import { haveSameClasses } from '../study/comparison/compare.ts';
import type { ArmSummary, Comparison } from '../study/comparison/comparison.ts';
import { isDifference } from '../study/comparison/sentences.ts';
import { isWorse, metricFacts, nounOf } from '../study/comparison/tested-metric.ts';
import { orderArms } from './arms.ts';
import { html, type Markup } from './markup.ts';

type Evaluations = Readonly<Record<string, Evaluation>>;

interface Row {
  readonly measure: string;
  /** A value and, in small print below it, an interval or the fraction of the teacher's value. */
  readonly cell: (arm: string) => readonly [value: string, detail: string];
}

/**
 * A row of a table: its title, then a value and a smaller detail for each column; no detail where the text is empty.
 */
export interface TableRow {
  readonly title: string;
  readonly cells: readonly (readonly [value: string, detail: string])[];
}

/**
 * A table that scrolls by itself where it is too wide.
 * @param options.corner title of the column of the rows' titles; none where it says nothing
 */
export function renderTable(
  caption: string,
  options: { readonly corner?: string; readonly columns: readonly string[]; readonly rows: readonly TableRow[] },
): Markup {
  const { corner, columns, rows } = options;
  return html`<div class="scroll" tabindex="0" role="region" aria-label="${caption}"><table><caption>${caption}</caption>
<thead><tr>${corner === undefined ? html`<td></td>` : html`<th scope="col">${corner}</th>`}${columns.map(
    title => html`<th scope="col">${title}</th>`,
  )}</tr></thead>
<tbody>${rows.map(
    ({ title, cells }) =>
      html`<tr><th scope="row">${title}</th>${cells.map(
        ([value, detail]) => html`<td>${value}${detail === '' ? '' : html`<small>${detail}</small>`}</td>`,
      )}</tr>
`,
  )}</tbody></table></div>`;
}

/** A table with a column for each arm. */
function renderByArm(caption: string, arms: readonly string[], rows: readonly Row[]): Markup {
  return renderTable(caption, {
    columns: arms,
    rows: rows.map(({ measure, cell }) => ({ title: measure, cells: arms.map(cell) })),
  });
}

function formatDistance(value: number | null | undefined): string {
  return formatNumber(value, 2);
}

function estimateCell(
  estimate: Estimate | undefined,
  format: (value: number | null | undefined) => string,
): readonly [string, string] {
  if (estimate === undefined || !(estimate.n > 0)) return ['n/a', ''];
  return [format(estimate.mean), `${formatInterval(estimate.ci95, format)}, n\u00a0=\u00a0${estimate.n}`];
}

/** Number of cases in which a structure is in the reference or the prediction alone; these have no distance. */
function missedCell(summary: ClassSummary | undefined, evaluation: Evaluation | undefined): readonly [string, string] {
  if (summary === undefined || evaluation === undefined) return ['n/a', ''];
  return [`${summary.oneEmpty} of ${plural(evaluation.cases.length, 'case')}`, ''];
}

/**
 * The arms side by side: quality with 95 % intervals, cost with its fraction of the teacher's cost if there is a
 * teacher.
 */
export function renderArmsTable(comparison: Comparison, evaluations: Evaluations): Markup {
  const arms = orderArms(Object.keys(comparison.arms));
  const teacher = comparison.arms['teacher'];
  const share = (arm: string, part: (summary: ArmSummary) => number): string =>
    teacher === undefined || arm === 'teacher'
      ? ''
      : `${formatShare(part(comparison.arms[arm]!), part(teacher))} of teacher`;
  const isComparable = (arm: string): boolean =>
    teacher !== undefined && haveSameClasses(comparison.arms[arm]!, teacher);
  const cost = (measure: string, part: (summary: ArmSummary) => number, format: (value: number) => string): Row => ({
    measure,
    cell: arm => [format(part(comparison.arms[arm]!)), share(arm, part)],
  });
  const classes = new Set(Object.values(comparison.arms).flatMap(arm => Object.keys(arm.classes)));
  const classRows = [...classes].flatMap((name): Row[] => {
    const summary = (arm: string): ClassSummary | undefined => evaluations[arm]?.summary.classes[name];
    return [
      {
        measure: `Dice, ${name}`,
        cell: arm => {
          const [, detail] = estimateCell(summary(arm)?.dice, formatDice);
          return [formatDice(comparison.arms[arm]!.classes[name]), detail];
        },
      },
      { measure: `HD95, ${name} (mm)`, cell: arm => estimateCell(summary(arm)?.hd95Mm, formatDistance) },
      { measure: `Missed or made up, ${name}`, cell: arm => missedCell(summary(arm), evaluations[arm]) },
    ];
  });
  const rows: readonly Row[] = [
    {
      measure: 'Mean Dice',
      cell: arm => {
        const summary = comparison.arms[arm]!;
        const relative = isComparable(arm) ? share(arm, part => part.meanDice) : '';
        const interval = formatInterval(summary.meanDiceCi95, formatDice);
        return [formatDice(summary.meanDice), relative === '' ? interval : `${interval}; ${relative}`];
      },
    },
    ...classRows,
    cost('Parameters', summary => summary.parameters, formatCount),
    cost('Multiply-adds per window', summary => summary.multiplyAdds, formatCount),
    cost('Model file', summary => summary.bytes, formatBytes),
    cost('Time per case', summary => summary.secondsPerCase, formatSeconds),
    cost('Peak memory', summary => summary.peakBytes, formatBytes),
  ];
  return renderByArm(
    'Quality and cost of each arm. Ranges are 95 % confidence intervals: over cases and seeds for the mean Dice, over cases elsewhere. HD95 leaves out the cases in which the structure is missed or made up; their number is in the row below it.',
    arms,
    rows,
  );
}

/** Mean Dice of every seed and every fold, if a run has several; empty otherwise. */
export function renderRepeatsTable(comparison: Comparison): readonly Markup[] {
  const arms = orderArms(Object.keys(comparison.arms));
  const rowsOf = (kind: 'seeds' | 'folds', noun: string): readonly Row[] => {
    const keys = new Set(arms.flatMap(arm => Object.keys(comparison.arms[arm]![kind] ?? {})));
    return [...keys].map(key => ({
      measure: `${noun} ${key}`,
      cell: arm => {
        const summary = comparison.arms[arm]![kind]?.[key];
        return summary === undefined
          ? ['n/a', '']
          : [formatDice(summary.meanDice), formatInterval(summary.meanDiceCi95, formatDice)];
      },
    }));
  };
  const rows = [...rowsOf('seeds', 'seed'), ...rowsOf('folds', 'fold')];
  if (rows.length === 0) return [];
  return [renderByArm('Mean Dice of each seed and fold, with 95 % confidence intervals.', arms, rows)];
}

const MORE_MEASURES = [
  ['sensitivity', 'Sensitivity', formatDice],
  ['precision', 'Precision', formatDice],
  ['assdMm', 'ASSD (mm)', formatDistance],
  ['surfaceDice', 'Surface Dice', formatDice],
  ['volumeErrorPercent', 'Volume error (% of reference)', formatSignedPercent],
  ['ece', 'Calibration error', formatCalibration],
  ['lesionF1', 'Lesion F1 (IoU > 0.5)', formatDice],
  ['lesionDice', 'Lesion Dice (IoU > 0.5)', formatDice],
  ['panopticQuality', 'Panoptic quality (IoU > 0.5)', formatDice],
] as const satisfies readonly (readonly [keyof ClassSummary, string, (value: number | null | undefined) => string])[];

/** Only of classes that are made of many structures. */
const LESION_MEASURES: readonly string[] = ['lesionF1', 'lesionDice', 'panopticQuality'];

function formatSignedPercent(value: number | null | undefined): string {
  return formatSigned(value, 1);
}

function formatCalibration(value: number | null | undefined): string {
  return formatNumber(value, 4);
}

/**
 * Further measures of the errors of an arm (volume, distance, calibration) per class, over the cases where they are
 * defined.
 */
export function renderMeasuresTable(evaluations: Evaluations): Markup {
  const arms = orderArms(Object.keys(evaluations));
  const classes = new Set(arms.flatMap(arm => Object.keys(evaluations[arm]!.summary.classes)));
  const rows = [...classes].flatMap(name =>
    MORE_MEASURES.filter(
      ([metric]) =>
        !LESION_MEASURES.includes(metric) ||
        arms.some(arm => (evaluations[arm]!.summary.classes[name]?.[metric].n ?? 0) > 0),
    ).map(
      ([metric, title, format]): Row => ({
        measure: `${title}, ${name}`,
        cell: arm => estimateCell(evaluations[arm]!.summary.classes[name]?.[metric], format),
      }),
    ),
  );
  return renderByArm('Further measures of each arm, with 95 % confidence intervals over cases.', arms, rows);
}

/**
 * Every metric tested: mean difference with the corrected p, and a word if the test supports a difference; one column
 * per pair of arms.
 */
export function renderTestsTable(comparison: Comparison): readonly Markup[] {
  const pairs = [...new Set(comparison.pairs.map(({ a, b }) => `${a} minus ${b}`))];
  const rows = [...new Set(comparison.pairs.map(({ metric }) => metric))].map(
    (metric): Row => ({
      measure: `${nounOf(metric)}${metricFacts(metric).unit}`,
      cell: column => {
        const test = comparison.pairs.find(one => one.metric === metric && `${one.a} minus ${one.b}` === column);
        if (test === undefined) return ['n/a', ''];
        const { meanDifference, pValueHolm } = test;
        const found = isDifference(test) ? (isWorse(metric, meanDifference) ? ', worse' : ', better') : '';
        return [
          `${formatSigned(meanDifference, metricFacts(metric).decimals)}${found}`,
          `${formatPValue(pValueHolm)}, n\u00a0=\u00a0${test.n}`,
        ];
      },
    }),
  );
  if (rows.length === 0) return [];
  const caption =
    'Every metric, tested on the same cases: mean difference, and the p-value of the Wilcoxon test after Holm\u2019s correction for the pairs of the row. A word stands where p is below 0.05.';
  return [renderByArm(caption, pairs, rows)];
}

/**
 * How many cases lack a class: in both reference and prediction (left out of means), or in just one (Dice 0, infinite
 * distance).
 */
export function renderEmptyClassesTable(evaluations: Evaluations): Markup {
  const arms = orderArms(Object.keys(evaluations));
  const classes = new Set(arms.flatMap(arm => Object.keys(evaluations[arm]!.summary.classes)));
  const rows = [...classes].map(
    (name): Row => ({
      measure: name,
      cell: arm => {
        const summary = evaluations[arm]!.summary.classes[name];
        return summary === undefined ? ['n/a', ''] : [`${summary.bothEmpty} / ${summary.oneEmpty}`, ''];
      },
    }),
  );
  return renderByArm(
    'Cases without a class: in reference and prediction (left out of the means) / in just one of them (Dice 0, no distance).',
    arms,
    rows,
  );
}
