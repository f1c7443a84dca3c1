/** What a run was made of: cases, channels, spacing and classes. */

import { formatDice, formatNumber, formatWhole, plural } from '../core/format.ts';
import { medianOf } from '../core/percentile.ts';
import type { Evaluation } from '../experiment/record.ts';
import { html, type Markup } from './markup.ts';
import { renderTable } from './tables.ts';

/** Facts of a run's data set; what is not known is left out. */
export interface DataFacts {
  /** Name of the data set's folder, without the way to it. */
  readonly dataset: string;
  /** Cases of each part, of the first fold. */
  readonly splits: {
    /** Cases with labels of which student and baseline learn. */
    readonly train: number;
    readonly val: number;
    readonly test: number;
    /** Cases that the student sees without labels; 0 where it sees none. */
    readonly unlabelled: number;
    /** Cases with labels of which the teacher learnt; null if it was not trained here. */
    readonly teacher: number | null;
  };
  /** Folds of a cross-validation; 1 where there is none. */
  readonly folds: number;
  readonly channels?: readonly string[];
  /** Spacing of the grid of the models, mm, x y z; null if every case keeps its own. */
  readonly spacingMm: readonly number[] | null;
  /** What finds the region that is all that the models see of a case; absent where they see whole cases. */
  readonly coarse?: {
    readonly marginMm: number;
    /** Name of the finished model; absent for one that the run trained. */
    readonly source?: string;
    /** Spacing at which a coarse stage of the run sees whole cases, mm, x y z. */
    readonly spacingMm?: readonly number[];
    readonly parameters?: number | null;
    /** Mean Dice of its own segmentations of whole test cases, over all folds and seeds. */
    readonly meanDice?: number;
  };
  /** What should be known of data and models before the scores are believed; none if not given. */
  readonly warnings?: readonly string[];
}

/** Who learnt from which labels, where that differs between the arms; nothing where all learn from the same cases. */
export function labelsSentence({ splits: { train, unlabelled, teacher } }: Pick<DataFacts, 'splits'>): string {
  const without = unlabelled === 0 ? '' : `; the student also sees ${plural(unlabelled, 'case')} without labels`;
  if (teacher !== null && teacher !== train) {
    return `The teacher learns from the labels of ${plural(teacher, 'case')}, student and baseline from those of ${train}${without}.`;
  }
  return unlabelled === 0 ? '' : `All arms learn from the labels of ${plural(train, 'case')}${without}.`;
}

/** How many cases were used for what, as a sentence. */
export function casesSentence(data: Pick<DataFacts, 'splits' | 'folds'>): string {
  const { splits, folds } = data;
  const labels = labelsSentence(data);
  const used =
    folds > 1
      ? `${folds} folds; of the first ${splits.train} cases trained, ${splits.val} chose the best step, ${splits.test} tested. Every case is tested once.`
      : `${splits.train} trained, ${splits.val} chose the best step and the post-processing, ${splits.test} tested.`;
  return labels === '' ? used : `${used} ${labels}`;
}

/** What finds the region of interest, as a sentence. */
export function coarseSentence({
  marginMm,
  source,
  spacingMm,
  parameters,
  meanDice,
}: NonNullable<DataFacts['coarse']>): string {
  const margin = `The models see what it finds with ${marginMm} mm around, and nothing else.`;
  if (source !== undefined) return `The finished model ${source} finds the region. ${margin}`;
  const size = typeof parameters === 'number' ? ` of ${formatWhole(parameters)} parameters` : '';
  const alone =
    meanDice === undefined ? '' : ` By itself it has a mean Dice of ${formatDice(meanDice)} on the whole test cases.`;
  return `A network${size} that this run trained at ${spacingMm?.join(' x ')} mm finds the region. ${margin}${alone}`;
}

/**
 * The section's content.
 * @param evaluation of any arm: its references say how often and how large the classes are in the test cases
 */
export function renderDataFacts(data: DataFacts, evaluation: Evaluation | undefined): readonly Markup[] {
  const { dataset, channels, spacingMm, coarse, warnings = [] } = data;
  const facts: readonly (readonly [string, string])[] = [
    ['Data set', dataset],
    ['Cases', casesSentence(data)],
    ...(channels === undefined ? [] : [['Channels', channels.join(', ')] as const]),
    ['Grid of the models', spacingMm === null ? 'as in each image' : `${spacingMm.join(' x ')} mm`],
    ...(coarse === undefined ? [] : [['Coarse to fine', coarseSentence(coarse)] as const]),
    ...warnings.map(text => ['Warning', text] as const),
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
