/** Learning curves as they are so far, drawn as in the report, with the values under the pointer or by keys. */
import { formatNumber } from '../src/core/format.ts';
import { armStyles, orderArms } from '../src/report/arms.ts';
import { CHART_WIDTH } from '../src/report/chart.ts';
import { CURVE_MARGINS, type CurveOptions, type LearningPanel, learningPanels } from '../src/report/learning-curves.ts';
import type { StepRecord } from '../src/training/trainer.ts';
import { make } from './elements.ts';

const SVG = 'http://www.w3.org/2000/svg';
/** Width of the part of a chart in which curves run. */
const PLOT_WIDTH = CHART_WIDTH - CURVE_MARGINS.marginLeft - CURVE_MARGINS.marginRight;

/** The value of a curve at the point that lies nearest to a step. */
function valueAt({ points }: LearningPanel['curves'][number], step: number): number {
  const near = points.reduce((best, point) => (Math.abs(point[0] - step) < Math.abs(best[0] - step) ? point : best));
  return near[1];
}

/** Lets a chart say its values: under the pointer, or at a step that the arrow keys move. */
function readValues(figure: Element, { curves }: LearningPanel): void {
  const chart = figure.querySelector<HTMLElement>('[role="img"]');
  const svg = figure.querySelector('svg');
  if (chart === null || svg === null) return;
  const steps = [...new Set(curves.flatMap(({ points }) => points.map(([step]) => step)))].sort((a, b) => a - b);
  const [first, last] = [steps[0]!, steps.at(-1)!];
  const text = make('p', { class: 'soft value-at', role: 'status' });
  const mark = document.createElementNS(SVG, 'line');
  const { height } = svg.viewBox.baseVal;
  for (const [name, value] of Object.entries({
    y1: CURVE_MARGINS.marginTop,
    y2: height - CURVE_MARGINS.marginBottom,
  })) {
    mark.setAttribute(name, String(value));
  }
  mark.setAttribute('stroke', 'currentColor');
  let at = steps.length - 1;
  const hide = (): void => {
    mark.remove();
    text.textContent = '';
  };
  const show = (index: number): void => {
    at = Math.min(steps.length - 1, Math.max(0, index));
    const step = steps[at]!;
    const x =
      CURVE_MARGINS.marginLeft + (last > first ? ((step - first) / (last - first)) * PLOT_WIDTH : PLOT_WIDTH / 2);
    for (const name of ['x1', 'x2']) mark.setAttribute(name, String(x));
    svg.append(mark);
    const values = curves.map(curve => `${curve.arm} ${formatNumber(valueAt(curve, step), 4)}`);
    text.textContent = `Step ${Math.round(step)}: ${values.join(', ')}`;
  };
  chart.tabIndex = 0;
  chart.addEventListener('pointermove', ({ clientX }) => {
    const { left, width } = svg.getBoundingClientRect();
    const share = (((clientX - left) / width) * CHART_WIDTH - CURVE_MARGINS.marginLeft) / PLOT_WIDTH;
    const step = first + share * (last - first);
    show(steps.reduce((best, one, index) => (Math.abs(one - step) < Math.abs(steps[best]! - step) ? index : best), 0));
  });
  chart.addEventListener('pointerleave', hide);
  chart.addEventListener('blur', hide);
  chart.addEventListener('focus', () => show(at));
  chart.addEventListener('keydown', event => {
    const to = { ArrowLeft: at - 1, ArrowRight: at + 1, Home: 0, End: steps.length - 1 }[event.key];
    if (to === undefined) return;
    event.preventDefault();
    show(to);
  });
  figure.append(text);
}

/** Draws the curves of some arms, with a legend of their full names, since there is no space for them at the curves. */
export function drawCurves(
  histories: Readonly<Record<string, readonly StepRecord[]>>,
  { legend, charts }: { readonly legend: HTMLElement; readonly charts: HTMLElement },
  options: CurveOptions = {},
): void {
  const order = orderArms(Object.keys(histories));
  const styles = armStyles(order);
  const entries = order.map(label =>
    make('li', {}, make('span', { class: 'swatch', style: `background: ${styles.get(label)?.colour}` }), label),
  );
  legend.replaceChildren(...entries);
  const panels = learningPanels(histories, options);
  const focused = [...charts.children].findIndex(figure => figure.contains(document.activeElement));
  // markup of the report's own making, in which every text is escaped
  charts.innerHTML = panels.map(({ markup }) => markup.markup).join('');
  for (const [index, figure] of [...charts.children].entries()) readValues(figure, panels[index]!);
  charts.children[focused]?.querySelector<HTMLElement>('[role="img"]')?.focus();
}
