/** Quality against cost: mean Dice of every arm against its size and its time, with the Pareto front. */
import { dot, line, link, text } from '@observablehq/plot';
import { formatDice } from '../core/format.ts';
import { paretoFront } from '../metrics/pareto.ts';
import type { ArmSummary, Comparison } from '../study/comparison/comparison.ts';
import { armStyles, orderArms } from './arms.ts';
import { renderChart, shorten } from './chart.ts';
import { spreadLabels } from './label-spread.ts';
import type { Markup } from './markup.ts';

interface Cost {
  readonly title: string;
  readonly axis: string;
  readonly of: (arm: ArmSummary) => number;
}

const HEIGHT = 230;
const LABEL_GAP_PX = 13;

const COSTS: readonly Cost[] = [
  { title: 'Dice against size', axis: 'model file (kB, logarithmic)', of: ({ bytes }) => bytes / 1e3 },
  { title: 'Dice against time', axis: 'time per case (s, logarithmic)', of: ({ secondsPerCase }) => secondsPerCase },
];

interface Candidate {
  readonly arm: string;
  readonly cost: number;
  readonly summary: ArmSummary;
}

function renderCost({ title, axis, of }: Cost, comparison: Comparison): readonly Markup[] {
  const order = orderArms(Object.keys(comparison.arms));
  const styles = armStyles(order);
  const candidates = order
    .map((arm): Candidate => ({ arm, cost: of(comparison.arms[arm]!), summary: comparison.arms[arm]! }))
    .filter(({ cost, summary }) => cost > 0 && Number.isFinite(cost) && Number.isFinite(summary.meanDice));
  if (candidates.length < 2) return [];
  const names = paretoFront(
    candidates.map(({ arm: name, cost, summary }) => ({ name, cost, score: summary.meanDice })),
  );
  const front = names.flatMap(name => candidates.find(({ arm }) => arm === name) ?? []);
  const costs = candidates.map(({ cost }) => cost);
  const bounds = candidates
    .flatMap(({ summary }) => [summary.meanDice, ...summary.meanDiceCi95])
    .filter(Number.isFinite);
  const [lowest, highest] = [Math.min(...bounds), Math.max(...bounds)];
  const margin = Math.max(0.01, 0.15 * (highest - lowest));
  const labelHeights = spreadLabels(
    candidates.map(({ summary }) => summary.meanDice),
    ((highest - lowest + 2 * margin) * LABEL_GAP_PX) / (HEIGHT - 66),
    highest + margin,
  );
  const marks = [
    line(
      front.map(({ cost, summary }) => [cost, summary.meanDice]),
      { stroke: 'var(--soft)', strokeDasharray: '2 3', curve: 'step-after' },
    ),
    ...candidates.flatMap(({ arm, cost, summary }, index) => {
      const { colour, symbol } = styles.get(arm)!;
      const [low, high] = summary.meanDiceCi95;
      return [
        link([0], { x1: cost, x2: cost, y1: low, y2: high, stroke: colour, strokeWidth: 1.5 }),
        dot([[cost, summary.meanDice]], { symbol, fill: colour, r: 5 }),
        text([[cost, labelHeights[index]!]], {
          text: () => shorten(arm, 11),
          fill: colour,
          textAnchor: 'start',
          dx: 9,
        }),
      ];
    }),
  ];
  const options = {
    height: HEIGHT,
    marginLeft: 48,
    marginRight: 64,
    marginTop: 26,
    marginBottom: 40,
    x: {
      type: 'log' as const,
      label: axis,
      labelAnchor: 'center' as const,
      domain: [Math.min(...costs) / 2, Math.max(...costs) * 2],
      ticks: 3,
      tickFormat: '~g',
    },
    y: { label: 'mean Dice (0 to 1)', domain: [lowest - margin, highest + margin], ticks: 5, grid: true },
  };
  const description = candidates
    .map(({ arm, cost, summary }) => `${arm}: ${formatDice(summary.meanDice)} at ${Number(cost.toPrecision(3))}`)
    .join('; ');
  return [
    renderChart(marks, options, {
      title,
      description: `${axis}. ${description}. On the Pareto front: ${names.join(', ')}`,
    }),
  ];
}

/** One figure per cost; none if fewer than two arms have that cost. */
export function renderTradeOffs(comparison: Comparison): readonly Markup[] {
  return COSTS.flatMap(cost => renderCost(cost, comparison));
}
