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

function renderPanel({ title, axis, curves, markers, isScore = false }: Panel): Markup {
  const values = curves.flatMap(curve => curve.points.map(point => point[1]));
  // losses start at 0; scores that lie close together would be one line on an axis from 0
  const least = Math.min(...values);
  const lowest = isScore ? least - 0.05 * (Math.max(...values) - least) : Math.min(0, least);
  const highest = Math.max(...values);
  const top = highest > lowest ? highest : lowest + 1;
  const ends = curves.map(curve => curve.points.at(-1)!);
  // where the longest curve ends, so that no name covers a curve
  const labelStep = Math.max(...ends.map(([step]) => step));
  const labelHeights = spreadLabels(
    ends.map(end => end[1]),
    ((top - lowest) * LABEL_GAP_PX) / (HEIGHT - 62),
    top,
  );
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
    marginLeft: 48,
    marginRight: 76,
    marginTop: 26,
    marginBottom: 36,
    x: { label: 'step', ticks: 4, labelAnchor: 'center' as const, tickFormat: 'd' },
    y: { label: axis, ticks: 5, grid: true, domain: [lowest, top] },
  };
  return renderChart(marks, options, { title, description });
}

/**
 * All panels of a run: the validation Dice first, then every loss term in order of appearance.
 * @param histories rows per arm; arms without any row are left out
 * @returns an empty list if nothing was recorded
 */
export function renderLearningCurves(histories: Readonly<Record<string, readonly StepRecord[]>>): readonly Markup[] {
  const order = orderArms(Object.keys(histories));
  const styles = armStyles(order);
  const collect = (value: (row: StepRecord) => number | undefined): Curve[] =>
    order.flatMap(arm => {
      const points = histories[arm]!.flatMap(row => {
        const y = value(row);
        return y !== undefined && Number.isFinite(y) ? [[row.step, y] as const] : [];
      });
      return points.length === 0 ? [] : [{ arm, style: styles.get(arm)!, points: thin(points) }];
    });
  const terms = new Set(order.flatMap(arm => histories[arm]!.flatMap(row => Object.keys(row.losses))));
  const panels: Panel[] = [
    {
      title: 'Validation Dice',
      axis: 'mean Dice (0 to 1)',
      curves: collect(row => row.validationDice),
      markers: true,
      isScore: true,
    },
    ...[...terms].map(term => ({
      title: TERM_TITLES.get(term) ?? term,
      axis: term === 'gradientNorm' ? 'norm' : 'loss',
      curves: collect(row => row.losses[term]),
      markers: false,
    })),
  ];
  return panels.filter(panel => panel.curves.length > 0).map(renderPanel);
}
