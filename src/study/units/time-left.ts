/** How long a study will still take, from what finished units took. */
import type { UnitReport } from './state.ts';

function spentSeconds({ timingsSeconds }: UnitReport): number {
  return Object.values(timingsSeconds).reduce((sum, seconds) => sum + seconds, 0);
}

/**
 * Seconds until all units have ended, roughly: what those that run have left of what they are at, and for each of the others what finished ones took on
 * average (those of the same arm if there are any), shared by as many at once as run now.
 * @returns 0 where nothing is left; undefined as long as there is nothing to judge by
 */
export function secondsLeft(reports: readonly UnitReport[]): number | undefined {
  const done = reports.filter(({ state }) => state === 'done');
  const meanSeconds = ({ arm }: UnitReport): number => {
    const same = done.filter(one => one.arm === arm);
    const alike = same.length > 0 ? same : done;
    // NaN where there is none
    return alike.reduce((sum, one) => sum + spentSeconds(one), 0) / alike.length;
  };
  const leftOf = (report: UnitReport): number => report.progress?.etaSeconds ?? meanSeconds(report);
  const running = reports.filter(({ state }) => state === 'running');
  const waiting = reports.filter(({ state }) => state === 'waiting' || state === 'queued' || state === 'lost');
  const all = [...running, ...waiting].map(leftOf);
  const total = all.reduce((sum, seconds) => sum + seconds, 0) / Math.max(1, running.length);
  return Number.isNaN(total) ? undefined : Math.max(total, 0, ...all);
}
