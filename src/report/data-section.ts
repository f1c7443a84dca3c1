/** What a run was made of: cases, channels, spacing and classes. */

import { formatNumber } from '../core/format.ts';
import { medianOf } from '../core/percentile.ts';
import type { Evaluation } from '../experiment/record.ts';
import { html, type Markup } from './markup.ts';
import { renderTable } from './tables.ts';

/** Facts of a run's data set; what is not known is left out. */
export interface DataFacts {
  /** Name of the data set's folder, without the way to it. */
  readonly dataset: string;
  /** Cases of each part, of the first fold. */
  readonly splits: { readonly train: number; readonly val: number; readonly test: number };
  /** Folds of a cross-validation; 1 where there is none. */
  readonly folds: number;
  readonly channels?: readonly string[];
  /** Spacing of the grid of the models, mm, x y z; null if every case keeps its own. */
  readonly spacingMm: readonly number[] | null;
}

/**
 * The section's content.
 * @param evaluation of any arm: its references say how often and how large the classes are in the test cases
 */
export function renderDataFacts(data: DataFacts, evaluation: Evaluation | undefined): readonly Markup[] {
  const { dataset, splits, folds, channels, spacingMm } = data;
  const parts =
    folds > 1
      ? `${folds} folds; of the first ${splits.train} cases trained, ${splits.val} chose the best step, ${splits.test} tested. Every case is tested once.`
      : `${splits.train} trained, ${splits.val} chose the best step and the post-processing, ${splits.test} tested.`;
  const facts: readonly (readonly [string, string])[] = [
    ['Data set', dataset],
    ['Cases', parts],
    ...(channels === undefined ? [] : [['Channels', channels.join(', ')] as const]),
    ['Grid of the models', spacingMm === null ? 'as in each image' : `${spacingMm.join(' x ')} mm`],
  ];
  const list = html`<dl>${facts.map(([term, value]) => html`<dt>${term}</dt><dd>${value}</dd>`)}</dl>`;
  if (evaluation === undefined) return [list];
  const names = Object.keys(evaluation.summary.classes);
  const rows = names.map(name => {
    const volumes = evaluation.cases.flatMap(({ classes }) => {
      const volume = classes[name]?.referenceMl ?? 0;
      return volume > 0 ? [volume] : [];
    });
    const range =
      volumes.length === 0
        ? 'n/a'
        : `${formatNumber(medianOf(volumes), 2)} (${formatNumber(Math.min(...volumes), 2)} to ${formatNumber(Math.max(...volumes), 2)})`;
    return {
      title: name,
      cells: [[`${volumes.length} of ${evaluation.cases.length}`, ''] as const, [range, ''] as const],
    };
  });
  const caption = 'Classes in the references of the test cases.';
  return [
    list,
    renderTable(caption, { corner: 'Class', columns: ['Cases that have it', 'Volume, median (range), ml'], rows }),
  ];
}
