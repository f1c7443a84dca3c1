/** What quality costs: mean Dice of every arm against its size and its time, with the Pareto front of those that nothing beats in both. */
import { dot, line, link, text } from '@observablehq/plot';
import type { ArmSummary, Comparison } from '../experiment/record.ts';
import { armStyles, orderArms } from './arms.ts';
import { renderChart, shorten } from './chart.ts';
import { formatDice } from './format.ts';
import type { Markup } from './markup.ts';

interface Cost {
  readonly title: string;
  readonly axis: string;
  readonly of: (arm: ArmSummary) => number;
}

const COSTS: readonly Cost[] = [
  { title: 'Dice against size', axis: 'model file (kB, logarithmic)', of: ({ bytes }) => bytes / 1e3 },
  { title: 'Dice against time', axis: 'time per case (s, logarithmic)', of: ({ secondsPerCase }) => secondsPerCase },
];

interface Candidate {
  readonly arm: string;
  readonly cost: number;
  readonly summary: ArmSummary;
}

/** Those that no other beats: none has at least their Dice at less cost, or more Dice at no more cost. Cheapest first. */
function paretoFront(candidates: readonly Candidate[]): readonly Candidate[] {
  const beats = (other: Candidate, one: Candidate): boolean =>
    other.cost <= one.cost &&
    other.summary.meanDice >= one.summary.meanDice &&
    (other.cost < one.cost || other.summary.meanDice > one.summary.meanDice);
  return candidates
    .filter(one => !candidates.some(other => beats(other, one)))
    .sort((left, right) => left.cost - right.cost);
}

function renderCost({ title, axis, of }: Cost, comparison: Comparison): readonly Markup[] {
  const order = orderArms(Object.keys(comparison.arms));
  const styles = armStyles(order);
  const candidates = order
    .map((arm): Candidate => ({ arm, cost: of(comparison.arms[arm]!), summary: comparison.arms[arm]! }))
    .filter(({ cost, summary }) => cost > 0 && Number.isFinite(cost) && Number.isFinite(summary.meanDice));
  if (candidates.length < 2) return [];
  const front = paretoFront(candidates);
  const costs = candidates.map(({ cost }) => cost);
  const bounds = candidates
    .flatMap(({ summary }) => [summary.meanDice, ...summary.meanDiceCi95])
    .filter(Number.isFinite);
  const [lowest, highest] = [Math.min(...bounds), Math.max(...bounds)];
  const margin = Math.max(0.01, 0.15 * (highest - lowest));
  const marks = [
    line(
      front.map(({ cost, summary }) => [cost, summary.meanDice]),
      { stroke: 'var(--soft)', strokeDasharray: '2 3', curve: 'step-after' },
    ),
    ...candidates.flatMap(({ arm, cost, summary }) => {
      const { colour, symbol } = styles.get(arm)!;
      const [low, high] = summary.meanDiceCi95;
      const above = summary.meanDice >= (lowest + highest) / 2;
      return [
        link([0], { x1: cost, x2: cost, y1: low, y2: high, stroke: colour, strokeWidth: 1.5 }),
        dot([[cost, summary.meanDice]], { symbol, fill: colour, r: 5 }),
        text([[cost, above ? high : low]], {
          text: () => shorten(arm, 14),
          fill: colour,
          dy: above ? -8 : 8,
          lineAnchor: above ? 'bottom' : 'top',
        }),
      ];
    }),
  ];
  const options = {
    height: 230,
    marginLeft: 48,
    marginRight: 24,
    marginTop: 26,
    marginBottom: 40,
    x: {
      type: 'log' as const,
      label: axis,
      labelAnchor: 'center' as const,
      domain: [Math.min(...costs) / 2, Math.max(...costs) * 2],
      ticks: 4,
      tickFormat: '~g',
    },
    y: { label: 'mean Dice (0 to 1)', domain: [lowest - margin, highest + margin], ticks: 5, grid: true },
  };
  const description = candidates
    .map(({ arm, cost, summary }) => `${arm}: ${formatDice(summary.meanDice)} at ${Number(cost.toPrecision(3))}`)
    .join('; ');
  const best = front.map(({ arm }) => arm).join(', ');
  return [renderChart(marks, options, { title, description: `${axis}. ${description}. On the Pareto front: ${best}` })];
}

/** One figure per cost; none where fewer than two arms have one. */
export function renderTradeOffs(comparison: Comparison): readonly Markup[] {
  return COSTS.flatMap(cost => renderCost(cost, comparison));
}
