/** Learning curves as they are so far, drawn as in the report. */
import { armStyles, orderArms } from '../src/report/arms.ts';
import { renderLearningCurves } from '../src/report/learning-curves.ts';
import type { StepRecord } from '../src/training/trainer.ts';
import { make } from './elements.ts';

/** Draws the curves of some arms, with a legend of their full names, since there is no space for them at the curves. */
export function drawCurves(
  histories: Readonly<Record<string, readonly StepRecord[]>>,
  { legend, charts }: { readonly legend: HTMLElement; readonly charts: HTMLElement },
): void {
  const order = orderArms(Object.keys(histories));
  const styles = armStyles(order);
  const entries = order.map(label =>
    make('li', {}, make('span', { class: 'swatch', style: `background: ${styles.get(label)?.colour}` }), label),
  );
  legend.replaceChildren(...entries);
  // markup of the report's own making, in which every text is escaped
  charts.innerHTML = renderLearningCurves(histories)
    .map(({ markup }) => markup)
    .join('');
}
