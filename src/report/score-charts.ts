/** Scores case by case: the spread of Dice per class and arm, and the differences between arms on the same cases. */

import { dot, link, rect, ruleX, text } from '@observablehq/plot';
import { formatDice, formatInterval, formatSigned } from '../core/format.ts';
import { percentileOf } from '../core/percentile.ts';
import type { Evaluation } from '../experiment/record.ts';
import type { CaseScore } from '../metrics/case-score.ts';
import type { Comparison, PairTest } from '../study/comparison/comparison.ts';
import { type ArmStyle, armStyles, orderArms } from './arms.ts';
import { renderChart, shorten } from './chart.ts';
import { html, type Markup } from './markup.ts';

type Evaluations = Readonly<Record<string, Evaluation>>;

interface CaseValue {
  readonly id: string;
  readonly value: number;
}

const ROW_HEIGHT = 46;

/** Spreads points over a row so that equal values stay visible; deterministic. */
function jitter(index: number): number {
  return 0.24 * (2 * ((index * 0.618034) % 1) - 1);
}

function points(values: readonly CaseValue[], row: number, style: ArmStyle, format: (value: number) => string) {
  return dot(values, {
    x: 'value',
    y: (_, index) => row + jitter(index),
    symbol: style.symbol,
    r: 2.6,
    stroke: style.colour,
    strokeOpacity: 0.85,
    title: (item: CaseValue) => `${item.id}: ${format(item.value)}`,
  });
}

function rowAxes(names: readonly string[]) {
  return {
    height: 46 + ROW_HEIGHT * names.length,
    marginLeft: 84,
    marginTop: 6,
    marginBottom: 40,
    marginRight: 16,
    y: {
      domain: [names.length - 0.5, -0.5],
      ticks: names.map((_, index) => index),
      tickFormat: (index: number) => shorten(names[index]!, 12),
      tickSize: 0,
      label: null,
    },
  };
}

function diceOf(score: CaseScore, className: string | null): number | null {
  return className === null ? score.meanDice : (score.classes[className]?.dice ?? null);
}

function diceValues(evaluation: Evaluation, className: string): readonly CaseValue[] {
  return evaluation.cases.flatMap(score => {
    const value = diceOf(score, className);
    return value === null ? [] : [{ id: score.id, value }];
  });
}

function renderClassSpread(className: string, evaluations: Evaluations): Markup {
  const all = orderArms(Object.keys(evaluations));
  const styles = armStyles(all);
  const rows = all.flatMap(arm => {
    const values = diceValues(evaluations[arm]!, className);
    const sorted = values.map(item => item.value).sort((a, b) => a - b);
    if (values.length === 0) return [];
    const [q1, median, q3] = [25, 50, 75].map(percent => percentileOf(sorted, percent)) as [number, number, number];
    return [{ arm, style: styles.get(arm)!, values, q1, median, q3, lowest: sorted[0]! }];
  });
  const lowest = Math.min(...rows.map(row => row.lowest));
  const marks = rows.flatMap(({ style, values, q1, median, q3 }, row) => [
    rect([0], {
      x1: q1,
      x2: q3,
      y1: row - 0.34,
      y2: row + 0.34,
      fill: style.colour,
      fillOpacity: 0.16,
      stroke: style.colour,
    }),
    link([0], { x1: median, x2: median, y1: row - 0.34, y2: row + 0.34, stroke: style.colour, strokeWidth: 3 }),
    points(values, row, style, formatDice),
  ]);
  const options = {
    ...rowAxes(rows.map(row => row.arm)),
    x: {
      label: 'Dice (0 to 1)',
      labelAnchor: 'center' as const,
      domain: [Math.min(0.9, Math.floor(lowest * 10) / 10), 1],
      ticks: 5,
      grid: true,
    },
  };
  return renderChart(marks, options, {
    title: className,
    description: rows
      .map(
        row =>
          `${row.arm}: median Dice ${formatDice(row.median)}, quartiles ${formatInterval([row.q1, row.q3], formatDice)}`,
      )
      .join('; '),
  });
}

/**
 * One figure per class: a box (quartiles and median) and a point per case for every arm. Classes without any score are
 * left out.
 */
export function renderDicePerCase(evaluations: Evaluations): readonly Markup[] {
  const classes = new Set(Object.values(evaluations).flatMap(evaluation => Object.keys(evaluation.summary.classes)));
  return [...classes]
    .filter(name => Object.values(evaluations).some(evaluation => diceValues(evaluation, name).length > 0))
    .map(name => renderClassSpread(name, evaluations));
}

/** `Dice of x` for a metric of the record, and its class (null for the mean). */
function readMetric(metric: string): { readonly label: string; readonly className: string | null } {
  return metric.startsWith('dice:')
    ? { label: metric.slice('dice:'.length), className: metric.slice('dice:'.length) }
    : { label: 'all classes', className: null };
}

function pairedValues(test: PairTest, evaluations: Evaluations): readonly CaseValue[] {
  const [first, second] = [evaluations[test.a], evaluations[test.b]];
  if (first === undefined || second === undefined) return [];
  const { className } = readMetric(test.metric);
  const others = new Map(second.cases.map(score => [score.id, diceOf(score, className)]));
  return first.cases.flatMap(score => {
    const [a, b] = [diceOf(score, className), others.get(score.id) ?? null];
    return a === null || b === null ? [] : [{ id: score.id, value: a - b }];
  });
}

function renderPair(tests: readonly PairTest[], evaluations: Evaluations): Markup {
  const { a, b } = tests[0]!;
  const style = armStyles(orderArms([a])).get(a)!;
  const rows = tests.map(test => ({
    test,
    label: readMetric(test.metric).label,
    values: pairedValues(test, evaluations),
  }));
  const reach = Math.max(
    0.01,
    ...rows.flatMap(({ test, values }) => [...test.ci95, ...values.map(item => item.value)].map(Math.abs)),
  );
  const marks = [
    ruleX([0], { strokeWidth: 1.5 }),
    ...rows.flatMap(({ test, values }, row) => [
      points(values, row, style, formatSigned),
      link([0], { x1: test.ci95[0], x2: test.ci95[1], y1: row, y2: row, stroke: 'var(--text)', strokeWidth: 3 }),
      dot([[test.meanDifference, row]], { symbol: 'diamond', r: 6, fill: 'var(--text)' }),
    ]),
    text([`\u2190 ${shorten(b, 12)} better`], { frameAnchor: 'bottom-left', dy: 38, textAnchor: 'start' }),
    text([`${shorten(a, 12)} better \u2192`], { frameAnchor: 'bottom-right', dy: 38, textAnchor: 'end' }),
  ];
  const axes = rowAxes(rows.map(row => row.label));
  const options = {
    ...axes,
    height: axes.height + 16,
    marginBottom: axes.marginBottom + 16,
    x: { label: 'difference in Dice', labelAnchor: 'center' as const, domain: [-reach, reach], ticks: 4, grid: true },
  };
  return renderChart(marks, options, {
    title: `${a} minus ${b}`,
    description: rows
      .map(
        ({ test, label }) =>
          `${label}: mean ${formatSigned(test.meanDifference)}, ${formatInterval(test.ci95, formatSigned)}`,
      )
      .join('; '),
    caption: html`<ul>${tests.map(test => html`<li>${test.sentence}</li>`)}</ul>`,
  });
}

/**
 * One figure per pair of arms: the difference on every case, its mean (diamond) with the 95 % interval (bar), and the
 * result of the test. Points need both evaluations; interval and sentence always come from the comparison.
 */
export function renderPairedDifferences(comparison: Comparison, evaluations: Evaluations): readonly Markup[] {
  const pairs = new Map<string, PairTest[]>();
  for (const test of comparison.pairs.filter(({ metric }) => metric === 'meanDice' || metric.startsWith('dice:'))) {
    const key = JSON.stringify([test.a, test.b]);
    pairs.set(key, [...(pairs.get(key) ?? []), test]);
  }
  return [...pairs.values()].map(tests => renderPair(tests, evaluations));
}
