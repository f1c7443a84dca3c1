/** States of units as text. */

import { formatDuration } from '../core/format.ts';
import { countStates, UNIT_STATES, type UnitReport } from '../study/units/state.ts';

/** `12 of 24 units done, 2 running, 1 failed`. */
export function countsText(reports: readonly UnitReport[]): string {
  const { done, ...others } = countStates(reports);
  const rest = UNIT_STATES.flatMap(state =>
    state === 'done' || others[state] === 0 ? [] : [`${others[state]} ${state}`],
  );
  return [`${done} of ${reports.length} units done`, ...rest].join(', ');
}

/** Place where a unit runs or ran; empty if it was never started. */
export function placeText({ attempt, node }: UnitReport): string {
  return attempt === 0 ? '' : `attempt ${attempt} on ${node ?? 'an unknown node'}`;
}

/** Progress of a unit, the reason why it does not run, or where its training stopped, in a few words. */
export function noteText({ state, progress, error, queuedFor, training }: UnitReport): string {
  if (state === 'lost') return 'its process disappeared';
  if (error !== null) return `${error.code}: ${error.message}`;
  if (training !== undefined && training.steps < training.planned) {
    return `stopped early at step ${training.steps} of ${training.planned}`;
  }
  if (progress === null) return queuedFor ?? '';
  const { stage, done, total, unit, etaSeconds } = progress;
  const eta = etaSeconds === null ? '' : `, ETA ${formatDuration(etaSeconds)}`;
  return `${stage}: ${done}/${total} ${unit}s${eta}`;
}
