/**
 * The table of all cases. It is sorted without a script: every row carries its rank by every column, and the chosen
 * radio button decides which of them is its place. The whole table, with every metric, is a CSV file that the page
 * carries.
 */

import { formatNumber } from '../core/format.ts';
import type { Evaluation } from '../experiment/record.ts';
import type { CaseScore } from '../metrics/case-score.ts';
import { casesCsv } from '../metrics/case-table.ts';
import { factsOf } from '../metrics/metric-facts.ts';
import { orderArms } from './arms.ts';
import { html, type Markup, trusted } from './markup.ts';

type Evaluations = Readonly<Record<string, Evaluation>>;

/** Cases that are listed on the page; the CSV file has all. */
const MOST_LISTED = 500;

interface Column {
  readonly title: string;
  readonly decimals: number;
  readonly better: 'higher' | 'lower';
  readonly score: (item: CaseScore) => number | null;
  readonly arm: string;
}

function columnsOf(evaluations: Evaluations): readonly Column[] {
  const arms = orderArms(Object.keys(evaluations));
  const classes = [...new Set(arms.flatMap(arm => Object.keys(evaluations[arm]!.summary.classes)))];
  const column = (title: string, metric: 'dice' | 'hd95Mm', score: Column['score']): readonly Column[] =>
    arms.map(arm => ({ title: `${title}, ${arm}`, ...factsOf(metric), score, arm }));
  return [
    ...column('mean Dice', 'dice', item => item.meanDice),
    ...classes.flatMap(name => [
      ...column(`Dice of ${name}`, 'dice', item => item.classes[name]?.dice ?? null),
      ...column(`HD95 of ${name} (mm)`, 'hd95Mm', item => item.classes[name]?.hd95Mm ?? null),
    ]),
  ];
}

/**
 * Places by a column, worst first; a score that does not exist comes before all that do, since a structure is missed
 * there.
 */
function placesBy(column: Column, scores: readonly (number | null)[]): readonly number[] {
  const sign = column.better === 'higher' ? 1 : -1;
  const key = (at: number): number => (scores[at] == null ? Number.NEGATIVE_INFINITY : sign * scores[at]!);
  const order = scores.map((_, at) => at).sort((left, right) => key(left) - key(right) || left - right);
  const places = new Array<number>(scores.length);
  order.forEach((at, place) => {
    places[at] = place;
  });
  return places;
}

/** Base64 of a text in UTF-8. */
function base64(text: string): string {
  return btoa(Array.from(new TextEncoder().encode(text), byte => String.fromCharCode(byte)).join(''));
}

/**
 * The table and its file.
 * @param evaluations by arm, each with its cases
 */
export function renderCaseTable(evaluations: Evaluations): readonly Markup[] {
  const arms = orderArms(Object.keys(evaluations));
  const byId = new Map(arms.map(arm => [arm, new Map(evaluations[arm]!.cases.map(item => [item.id, item]))]));
  const ids = [...new Set(arms.flatMap(arm => evaluations[arm]!.cases.map(({ id }) => id)))].sort((a, b) =>
    a.localeCompare(b, 'en', { numeric: true }),
  );
  if (ids.length === 0) return [];
  const columns = columnsOf(evaluations);
  const scores = columns.map(({ arm, score }) =>
    ids.map(id => {
      const item = byId.get(arm)!.get(id);
      return item === undefined ? null : score(item);
    }),
  );
  const places = columns.map((column, at) => placesBy(column, scores[at]!));
  const rows = ids.slice(0, MOST_LISTED).map((id, row) => {
    const variables = places.map((byColumn, at) => `--c${at}:${byColumn[row]}`).join(';');
    const cells = columns.map(
      ({ decimals }, at) => html`<td role="cell">${formatNumber(scores[at]![row], decimals)}</td>`,
    );
    return html`<tr role="row" style="${variables}"><th role="rowheader" scope="row">${id}</th>${cells}</tr>
`;
  });
  const rules = columns.map((_, at) => `#cases:has(#by-${at}:checked) tbody tr{order:var(--c${at})}`).join('');
  const choices = ['case', ...columns.map(({ title }) => title)].map((title, at) => {
    const isFirst = at === 0;
    const id = isFirst ? 'by-case' : `by-${at - 1}`;
    return html`<label><input type="radio" name="by" id="${id}"${isFirst ? trusted(' checked') : trusted('')}> ${title}</label>
`;
  });
  const csv = base64(casesCsv(arms.map(name => ({ name, cases: evaluations[name]!.cases }))));
  const caption = `Scores of every case. n/a: the class is missed, made up, or in neither.${
    ids.length > MOST_LISTED ? ` The first ${MOST_LISTED} of ${ids.length} cases; the file has all.` : ''
  }`;
  return [
    html`<div id="cases"><style>${trusted(rules)}</style>
<details><summary>Sort by the worst</summary><fieldset><legend>Worst first, by</legend>${choices}</fieldset></details>
<p><a download="cases.csv" href="data:text/csv;base64,${csv}">cases.csv</a>: every metric of every case, class and arm.</p>
<div class="scroll tall" tabindex="0" role="region" aria-label="Scores of every case"><table role="table" aria-label="${caption}"><caption>${caption}</caption>
<thead role="rowgroup"><tr role="row"><th role="columnheader" scope="col">case</th>${columns.map(
      ({ title }) => html`<th role="columnheader" scope="col">${title}</th>`,
    )}</tr></thead>
<tbody role="rowgroup">${rows}</tbody></table></div></div>`,
  ];
}
