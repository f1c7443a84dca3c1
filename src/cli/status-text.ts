/** States of the units of a study as text for a terminal. */

import { countsText, noteText, placeText } from '../report/unit-text.ts';
import type { UnitReport, UnitState } from '../study/units/state.ts';
import { alignColumns } from './table.ts';

/** Largest number of units that are all listed; with more, only those that need attention are. */
const MOST_LISTED = 40;
const NOTEWORTHY: readonly UnitState[] = ['running', 'failed', 'lost', 'cancelled'];

/** One row of a unit, as wide as the others' by alignColumns. */
function rowOf(report: UnitReport): readonly string[] {
  const { place, label, state } = report;
  return [String(place), label, state, placeText(report), noteText(report)];
}

/** The counts, then the units: all if they are few, otherwise only running ones and those with problems. */
export function statusText(reports: readonly UnitReport[]): string {
  const listed = reports.length <= MOST_LISTED ? reports : reports.filter(({ state }) => NOTEWORTHY.includes(state));
  return [countsText(reports), ...alignColumns(listed.map(rowOf))].join('\n');
}

/** One line of a unit whose state has changed. */
export function changeText(report: UnitReport): string {
  const [, label, state, ...rest] = rowOf(report);
  return [`${label}: ${state}`, ...rest.filter(text => text !== '')].join(', ');
}
