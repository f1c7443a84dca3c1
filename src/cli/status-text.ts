/** Where the units of a work stand, as text for a terminal. */
import type { UnitReport, UnitState } from '../experiment/work/state.ts';
import { countStates, UNIT_STATES } from '../experiment/work/state.ts';
import { formatDuration } from './progress.ts';
import { alignColumns } from './table.ts';

/** With more units than this, only those that a person should look at are listed. */
const MOST_LISTED = 40;
const NOTEWORTHY: readonly UnitState[] = ['running', 'failed', 'lost', 'cancelled'];

/** `12 of 24 units done, 2 running, 1 failed`. */
export function countsText(reports: readonly UnitReport[]): string {
  const { done, ...others } = countStates(reports);
  const rest = UNIT_STATES.flatMap(state =>
    state === 'done' || others[state] === 0 ? [] : [`${others[state]} ${state}`],
  );
  return [`${done} of ${reports.length} units done`, ...rest].join(', ');
}

/** What a unit is at or why it stands still, in a few words. */
function noteOf({ progress, error, queuedFor }: UnitReport): string {
  if (error !== null) return `${error.code}: ${error.message}`;
  if (progress === null) return queuedFor ?? '';
  const { stage, done, total, unit, etaSeconds } = progress;
  const eta = etaSeconds === null ? '' : `, ETA ${formatDuration(etaSeconds)}`;
  return `${stage}: ${done}/${total} ${unit}s${eta}`;
}

/** One row of a unit, as wide as the others' by alignColumns. */
function rowOf(report: UnitReport): readonly string[] {
  const { place, label, state, attempt, node } = report;
  const where = attempt === 0 ? '' : `attempt ${attempt} on ${node ?? 'an unknown node'}`;
  return [String(place), label, state, where, noteOf(report)];
}

/** The counts, then the units: all of a few, of many those that are at work or in trouble. */
export function statusText(reports: readonly UnitReport[]): string {
  const listed = reports.length <= MOST_LISTED ? reports : reports.filter(({ state }) => NOTEWORTHY.includes(state));
  return [countsText(reports), ...alignColumns(listed.map(rowOf))].join('\n');
}

/** One line of a unit whose state has changed. */
export function changeText(report: UnitReport): string {
  const [, label, state, ...rest] = rowOf(report);
  return [`${label}: ${state}`, ...rest.filter(text => text !== '')].join(', ');
}
