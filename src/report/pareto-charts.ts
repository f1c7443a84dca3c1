/** Dice against cost: one chart per cost, every arm of a sweep as a point, and the Pareto front as a line. */
import { dot, line, text } from '@observablehq/plot';
import { formatBytes, formatCount, formatDice, formatSeconds } from '../core/format.ts';
import { ARMS, type Arm } from '../experiment/record.ts';
import { SWEEP_COSTS, type SweepCost, type SweepResults } from '../study/sweep-record.ts';
import { armStyles } from './arms.ts';
import { renderChart } from './chart.ts';
import { html, type Markup } from './markup.ts';

const COSTS: Readonly<
  Record<SweepCost, { readonly title: string; readonly axis: string; readonly format: (value: number) => string }>
> = {
  parameters: { title: 'Parameters', axis: 'parameters', format: formatCount },
  bytes: { title: 'Model file', axis: 'size', format: formatBytes },
  secondsPerCase: { title: 'Latency', axis: 'time per case', format: formatSeconds },
};

const HEIGHT = 260;
const styles = armStyles(ARMS);
interface Point {
  readonly name: string;
  readonly kind: Arm;
  readonly cost: number;
  readonly dice: number;
  readonly isOnFront: boolean;
}

/** Ticks of a logarithmic axis: both ends and the middle. */
function ticksOf(costs: readonly number[]): readonly number[] {
  const [lowest, highest] = [Math.min(...costs), Math.max(...costs)];
  return lowest === highest ? [lowest] : [lowest, Math.sqrt(lowest * highest), highest];
}

function renderFront(cost: SweepCost, { arms, fronts, foundNothing }: SweepResults): Markup {
  const { title, axis, format } = COSTS[cost];
  const front = fronts[cost];
  const found = Object.entries(arms).filter(([name]) => !foundNothing.includes(name));
  const points = found.map(
    ([name, arm]): Point => ({
      name,
      kind: arm.kind,
      cost: arm[cost],
      dice: arm.validationDice,
      isOnFront: front.includes(name),
    }),
  );
  const onFront = points.filter(point => point.isOnFront).sort((a, b) => a.cost - b.cost);
  const marks = [
    line(onFront, { x: 'cost', y: 'dice', stroke: 'var(--soft)', curve: 'step-after' }),
    ...ARMS.map(kind => {
      const style = styles.get(kind)!;
      return dot(
        points.filter(point => point.kind === kind),
        {
          x: 'cost',
          y: 'dice',
          symbol: style.symbol,
          r: 4,
          stroke: style.colour,
          fill: (point: Point) => (point.isOnFront ? style.colour : 'var(--page)'),
          title: (point: Point) => `${point.name}: ${formatDice(point.dice)}, ${format(point.cost)}`,
        },
      );
    }),
    text(onFront, { x: 'cost', y: 'dice', text: (_, index) => String(index + 1), dy: -12 }),
  ];
  const options = {
    height: HEIGHT,
    marginLeft: 48,
    marginRight: 30,
    marginTop: 30,
    marginBottom: 40,
    insetLeft: 10,
    insetRight: 10,
    x: {
      type: 'log' as const,
      label: axis,
      labelAnchor: 'center' as const,
      ticks: ticksOf(points.map(point => point.cost)),
      tickFormat: format,
    },
    y: { label: 'mean Dice on validation cases', nice: true, grid: true },
  };
  return renderChart(marks, options, {
    title,
    caption: html`<ol>${onFront.map(
      ({ name, dice, cost: at }) => html`<li>${name}: ${formatDice(dice)}, ${format(at)}</li>`,
    )}</ol>`,
    description: `On the front: ${onFront.map(({ name, dice, cost: at }) => `${name}, Dice ${formatDice(dice)}, ${format(at)}`).join('; ')}`,
  });
}

/** One chart of the Pareto front for each cost. */
export function renderFronts(results: SweepResults): readonly Markup[] {
  return SWEEP_COSTS.map(cost => renderFront(cost, results));
}
