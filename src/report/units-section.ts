/** What a report says of a study that is not whole: how far its units are, and which of them have not come to their results. */
import type { UnitReport } from '../study/units/state.ts';
import { html, type Markup } from './markup.ts';
import { section } from './page.ts';
import { renderTable } from './tables.ts';
import { countsText, noteText, placeText } from './unit-text.ts';

/** Units that are listed one by one. */
const MOST_LISTED = 200;

/** The section; nothing where all units are done. */
export function renderUnits(units: readonly UnitReport[]): Markup {
  const open = units.filter(({ state }) => state !== 'done');
  if (open.length === 0) return html``;
  const more = open.length > MOST_LISTED ? `, of which the first ${MOST_LISTED} are listed` : '';
  const caption = `Units without results yet${more}.`;
  const rows = open.slice(0, MOST_LISTED).map(unit => ({
    title: unit.label,
    cells: [unit.state, noteText(unit), placeText(unit)].map(text => [text, ''] as const),
  }));
  return section(
    'Missing units',
    `${countsText(units)}. Everything below covers the finished units; an arm without a finished unit is left out.`,
    [renderTable(caption, { corner: 'Unit', columns: ['State', 'Progress', 'Where'], rows })],
  );
}

/** Whether a later look may find more. */
export function isRunning(units: readonly UnitReport[]): boolean {
  return units.some(({ state }) => state === 'running' || state === 'queued' || state === 'waiting');
}
