/** The section of a report for a study with missing units: the progress of its units, and the units without results. */
import type { UnitReport } from '../study/units/state.ts';
import { type Section, section } from './page.ts';
import { renderTable } from './tables.ts';
import { countsText, noteText, placeText } from './unit-text.ts';

/** Number of units that are listed individually. */
const MOST_LISTED = 200;

/** The section; empty if all units are finished. */
export function renderUnits(units: readonly UnitReport[]): Section {
  const open = units.filter(({ state }) => state !== 'done');
  if (open.length === 0) return section('Missing units', '', []);
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

/** Whether more units may still finish. */
export function isRunning(units: readonly UnitReport[]): boolean {
  return units.some(({ state }) => state === 'running' || state === 'queued' || state === 'waiting');
}
