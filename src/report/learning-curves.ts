/**
 * Learning curves: one panel per loss term and one for the validation Dice, each arm with its own colour, dash and
 * label.
 */

import { dot, line, text } from '@observablehq/plot';
import { formatNumber } from '../core/format.ts';
import type { StepRecord } from '../training/trainer.ts';
import { type ArmStyle, armStyles, orderArms } from './arms.ts';
import { renderChart, shorten } from './chart.ts';
import { spreadLabels } from './label-spread.ts';
import type { Markup } from './markup.ts';

type Point = readonly [number, number];

interface Curve {
  readonly arm: string;
  readonly style: ArmStyle;
  readonly points: readonly Point[];
}

/** How curves are drawn; as they are if not given. */
export interface CurveOptions {
  /** Whether losses have a logarithmic axis, where all of them are above 0. */
  readonly isLog?: boolean;
  /** Share of the past in the running mean of a loss, 0 to less than 1. */
  readonly smoothing?: number;
}

/** A chart with the points that it draws. */
export interface LearningPanel {
  readonly title: string;
  readonly curves: readonly { readonly arm: string; readonly points: readonly Point[] }[];
  readonly markup: Markup;
}

interface Panel {
  readonly title: string;
  readonly axis: string;
  readonly curves: readonly Curve[];
  readonly markers: boolean;
  /** Higher is better, and 0 is no place that an axis must have. */
  readonly isScore?: boolean;
}

const MOST_POINTS = 60;
const HEIGHT = 210;
/** Where steps and values lie in a chart, in pixels of its picture. */
export const CURVE_MARGINS = { marginLeft: 48, marginRight: 76, marginTop: 26, marginBottom: 36 } as const;
const MOST_TICKS = 4;
const LABEL_GAP_PX = 13;

/** Readable names of recorded loss terms; any other term keeps its own name. */
const TERM_TITLES: ReadonlyMap<string, string> = new Map([
  ['total', 'Total loss'],
  ['crossEntropy', 'Cross-entropy'],
  ['dice', 'Soft Dice loss'],
  ['kd', 'Distillation (KL)'],
  ['softDice', 'Distillation (soft Dice)'],
  ['dist', 'Distillation (DIST)'],
  ['gradientNorm', 'Gradient norm'],
]);

/** Means of consecutive groups, so that a curve has at most {@link MOST_POINTS} points. */
function thin(points: readonly Point[]): readonly Point[] {
  const group = Math.ceil(points.length / MOST_POINTS);
  if (group <= 1) return points;
  return Array.from({ length: Math.ceil(points.length / group) }, (_, index) => {
    const members = points.slice(index * group, (index + 1) * group);
    const mean = (coordinate: 0 | 1): number =>
      members.reduce((sum, point) => sum + point[coordinate], 0) / members.length;
    return [mean(0), mean(1)] as const;
  });
}

/**
 * A running mean: each value with the past ones, whose weights fall by `smoothing` from one to the next. Divided by the
 * sum of the weights, so that the first values are not drawn to 0.
 */
function smoothed(points: readonly Point[], smoothing: number): readonly Point[] {
  if (smoothing === 0) return points;
  let [sum, weights] = [0, 0];
  return points.map(([step, value]) => {
    sum = smoothing * sum + value;
    weights = smoothing * weights + 1;
    return [step, sum / weights] as const;
  });
}

/** Whole steps for the axis, so that none stands there twice. */
function stepTicks(first: number, last: number): readonly number[] {
  const wanted = Math.max(1, (last - first) / MOST_TICKS);
  const size = 10 ** Math.floor(Math.log10(wanted));
  const step = Math.max(1, [1, 2, 5, 10].map(factor => factor * size).find(one => one >= wanted) ?? 10 * size);
  const from = Math.ceil(first / step);
  return Array.from({ length: Math.floor(last / step) - from + 1 }, (_, index) => (from + index) * step);
}

function renderPanel({ title, axis, curves, markers, isScore = false }: Panel, wantsLog: boolean): Markup {
  const values = curves.flatMap(curve => curve.points.map(point => point[1]));
  // losses start at 0; scores that lie close together would be one line on an axis from 0
  const least = Math.min(...values);
  const isLog = wantsLog && !isScore && least > 0;
  const [along, back] = isLog ? [Math.log10, (value: number) => 10 ** value] : [Number, Number];
  const lowest = isLog ? least : isScore ? least - 0.05 * (Math.max(...values) - least) : Math.min(0, least);
  const highest = Math.max(...values);
  const top = highest > lowest ? highest : isLog ? lowest * 10 : lowest + 1;
  const steps = curves.flatMap(curve => curve.points.map(([step]) => step));
  const [first, last] = [Math.min(...steps), Math.max(...steps)];
  const ends = curves.map(curve => curve.points.at(-1)!);
  // where the longest curve ends, so that no name covers a curve
  const labelStep = Math.max(...ends.map(([step]) => step));
  const labelHeights = spreadLabels(
    ends.map(end => along(end[1])),
    ((along(top) - along(lowest)) * LABEL_GAP_PX) / (HEIGHT - 62),
    along(top),
  ).map(back);
  const marks = curves.flatMap(({ arm, style, points }, index) => [
    line(points, { stroke: style.colour, strokeDasharray: style.dash, strokeWidth: 1.75 }),
    dot(markers ? points : points.slice(-1), { symbol: style.symbol, fill: style.colour, r: 3.2 }),
    text([[labelStep, labelHeights[index]!]], {
      text: () => shorten(arm, 11),
      fill: style.colour,
      textAnchor: 'start',
      dx: 8,
    }),
  ]);
  const description = curves
    .map(({ arm, points }) => `${arm}: from ${formatNumber(points[0]![1], 3)} to ${formatNumber(points.at(-1)![1], 3)}`)
    .join('; ');
  const options = {
    height: HEIGHT,
    ...CURVE_MARGINS,
    x: {
      label: 'step',
      ticks: stepTicks(first, last),
      labelAnchor: 'center' as const,
      tickFormat: 'd',
      domain: last > first ? [first, last] : [first - 1, first + 1],
    },
    y: {
      label: axis,
      ticks: isLog ? 4 : 5,
      grid: true,
      domain: [lowest, top],
      ...(isLog && { type: 'log' as const, tickFormat: '~g' }),
    },
  };
  return renderChart(marks, options, { title, description });
}

/**
 * All panels of a run: the validation Dice first, then every loss term in order of appearance.
 * @param histories rows per arm; arms without any row are left out
 * @returns an empty list if nothing was recorded
 */
export function learningPanels(
  histories: Readonly<Record<string, readonly StepRecord[]>>,
  { isLog = false, smoothing = 0 }: CurveOptions = {},
): readonly LearningPanel[] {
  const order = orderArms(Object.keys(histories));
  const styles = armStyles(order);
  const collect = (value: (row: StepRecord) => number | undefined, weight: number): Curve[] =>
    order.flatMap(arm => {
      const points = histories[arm]!.flatMap(row => {
        const y = value(row);
        return y !== undefined && Number.isFinite(y) ? [[row.step, y] as const] : [];
      });
      return points.length === 0 ? [] : [{ arm, style: styles.get(arm)!, points: thin(smoothed(points, weight)) }];
    });
  const terms = new Set(order.flatMap(arm => histories[arm]!.flatMap(row => Object.keys(row.losses))));
  const panels: Panel[] = [
    {
      title: 'Validation Dice',
      axis: 'mean Dice (0 to 1)',
      curves: collect(row => row.validationDice, 0),
      markers: true,
      isScore: true,
    },
    ...[...terms].map(term => ({
      title: TERM_TITLES.get(term) ?? term,
      axis: term === 'gradientNorm' ? 'norm' : 'loss',
      curves: collect(row => row.losses[term], smoothing),
      markers: false,
    })),
  ];
  return panels
    .filter(panel => panel.curves.length > 0)
    .map(panel => ({ title: panel.title, curves: panel.curves, markup: renderPanel(panel, isLog) }));
}

/** The panels as they are drawn in a report. */
export function renderLearningCurves(histories: Readonly<Record<string, readonly StepRecord[]>>): readonly Markup[] {
  return learningPanels(histories).map(({ markup }) => markup);
}
