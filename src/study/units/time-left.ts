/** Estimates the remaining time of a study from the times of finished units. */
import type { UnitReport } from './state.ts';

function spentSeconds({ timingsSeconds }: UnitReport): number {
  return Object.values(timingsSeconds).reduce((sum, seconds) => sum + seconds, 0);
}

/**
 * Estimated seconds until all units have ended: the remaining time of the running units, plus for each other unit the
 * average time of finished units (of the same arm if there are any), divided by the number of units that run at once.
 * @returns 0 if nothing is left; undefined while there is nothing to estimate from
 */
export function secondsLeft(reports: readonly UnitReport[]): number | undefined {
  const done = reports.filter(({ state }) => state === 'done');
  const meanSeconds = ({ arm }: UnitReport): number => {
    const same = done.filter(one => one.arm === arm);
    const alike = same.length > 0 ? same : done;
    // NaN if there is none
    return alike.reduce((sum, one) => sum + spentSeconds(one), 0) / alike.length;
  };
  // reading data ends soon and says nothing of the training after it
  const leftOf = (report: UnitReport): number =>
    (report.progress?.unit === 'step' ? report.progress.etaSeconds : null) ?? meanSeconds(report);
  const running = reports.filter(({ state }) => state === 'running');
  const waiting = reports.filter(({ state }) => state === 'waiting' || state === 'queued' || state === 'lost');
  const all = [...running, ...waiting].map(leftOf);
  const total = all.reduce((sum, seconds) => sum + seconds, 0) / Math.max(1, running.length);
  return Number.isNaN(total) ? undefined : Math.max(total, 0, ...all);
}
