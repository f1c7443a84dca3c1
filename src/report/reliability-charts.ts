/** Reliability diagrams: observed frequency of a class against the probability that an arm predicted. */
import { dot, line, link } from '@observablehq/plot';
import { formatNumber } from '../core/format.ts';
import type { Evaluation } from '../experiment/record.ts';
import { armStyles, orderArms } from './arms.ts';
import { renderChart } from './chart.ts';
import { html, type Markup } from './markup.ts';

type Evaluations = Readonly<Record<string, Evaluation>>;

/** Smallest number of voxels of a bin; smaller bins show chance rather than the model. */
const FEWEST_VOXELS = 20;

function pointsOf(evaluation: Evaluation, className: string): readonly (readonly [number, number])[] {
  return (evaluation.calibration[className] ?? []).flatMap(({ voxels, probability, frequency }) =>
    voxels < FEWEST_VOXELS || probability === null || frequency === null ? [] : [[probability, frequency] as const],
  );
}

function renderClass(className: string, evaluations: Evaluations): Markup {
  const order = orderArms(Object.keys(evaluations));
  const styles = armStyles(order);
  const curves = order.flatMap(arm => {
    const points = pointsOf(evaluations[arm]!, className);
    const ece = evaluations[arm]!.summary.classes[className]?.ece.mean;
    return points.length === 0 ? [] : [{ arm, style: styles.get(arm)!, points, ece }];
  });
  const marks = [
    link([0], { x1: 0, y1: 0, x2: 1, y2: 1, stroke: 'var(--text)', strokeOpacity: 0.5 }),
    ...curves.flatMap(({ style, points }) => [
      line(points, { stroke: style.colour, strokeDasharray: style.dash, strokeWidth: 1.75 }),
      dot(points, { symbol: style.symbol, fill: style.colour, r: 3.2 }),
    ]),
  ];
  const options = {
    height: 300,
    marginLeft: 48,
    marginBottom: 36,
    x: { label: 'probability', labelAnchor: 'center' as const, domain: [0, 1], ticks: 5, grid: true },
    y: { label: 'fraction of voxels that have the class', domain: [0, 1], ticks: 5, grid: true },
  };
  return renderChart(marks, options, {
    title: `Reliability, ${className}`,
    description: curves.map(({ arm, ece }) => `${arm}: expected calibration error ${formatNumber(ece, 4)}`).join('; '),
    caption: html`${curves.map(({ arm, style }) => html`<span class="swatch" style="background: ${style.colour}"></span>${arm} (${style.symbol}s) `)}; dotted: as sure as right`,
  });
}

/**
 * One figure per class with a curve per arm; on the diagonal, probabilities are calibrated. Empty if none were
 * recorded.
 */
export function renderReliability(evaluations: Evaluations): readonly Markup[] {
  const all = Object.values(evaluations);
  const classes = new Set(all.flatMap(({ calibration }) => Object.keys(calibration)));
  return [...classes]
    .filter(name => all.some(evaluation => pointsOf(evaluation, name).length > 0))
    .map(name => renderClass(name, evaluations));
}
