/** Where the units of a study stand, as text for a terminal. */

import { countsText, noteText, placeText } from '../report/unit-text.ts';
import type { UnitReport, UnitState } from '../study/units/state.ts';
import { alignColumns } from './table.ts';

/** With more units than this, only those that a person should look at are listed. */
const MOST_LISTED = 40;
const NOTEWORTHY: readonly UnitState[] = ['running', 'failed', 'lost', 'cancelled'];

/** One row of a unit, as wide as the others' by alignColumns. */
function rowOf(report: UnitReport): readonly string[] {
  const { place, label, state } = report;
  return [String(place), label, state, placeText(report), noteText(report)];
}

/** The counts, then the units: all of a few, of many those that are running or in trouble. */
export function statusText(reports: readonly UnitReport[]): string {
  const listed = reports.length <= MOST_LISTED ? reports : reports.filter(({ state }) => NOTEWORTHY.includes(state));
  return [countsText(reports), ...alignColumns(listed.map(rowOf))].join('\n');
}

/** One line of a unit whose state has changed. */
export function changeText(report: UnitReport): string {
  const [, label, state, ...rest] = rowOf(report);
  return [`${label}: ${state}`, ...rest.filter(text => text !== '')].join(', ');
}
