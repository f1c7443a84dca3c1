/** What a report says of a study that is not whole: how far its units are, and which of them have not come to their results. */
import type { UnitReport } from '../study/units/state.ts';
import { html, type Markup } from './markup.ts';
import { section } from './page.ts';
import { countsText, noteText, placeText } from './unit-text.ts';

/** Units that are listed one by one. */
const MOST_LISTED = 200;

/** The section; nothing where all units are done. */
export function renderUnits(units: readonly UnitReport[]): Markup {
  const open = units.filter(({ state }) => state !== 'done');
  if (open.length === 0) return html``;
  const more = open.length > MOST_LISTED ? `, of which the first ${MOST_LISTED} are listed` : '';
  const caption = `Units without results yet${more}.`;
  const rows = open.slice(0, MOST_LISTED).map(
    unit => html`<tr><th scope="row">${unit.label}</th><td>${unit.state}</td><td>${noteText(unit)}</td><td>${placeText(unit)}</td></tr>
`,
  );
  return section(
    'Missing units',
    `${countsText(units)}. Everything below covers the finished units; an arm without a finished unit is left out.`,
    [
      html`<div class="scroll" tabindex="0" role="region" aria-label="${caption}"><table><caption>${caption}</caption>
<thead><tr>${['Unit', 'State', 'Progress', 'Where'].map(title => html`<th scope="col">${title}</th>`)}</tr></thead>
<tbody>${rows}</tbody></table></div>`,
    ],
  );
}

/** Whether a later look may find more. */
export function isRunning(units: readonly UnitReport[]): boolean {
  return units.some(({ state }) => state === 'running' || state === 'queued' || state === 'waiting');
}
