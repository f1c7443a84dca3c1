/** How long work reports its progress. The program draws bars or prints lines from it; tests pass `silent`. */
export interface Progress {
  /** Opens a task of `total` steps, for example `("teacher", 1500, "step")`. */
  task(label: string, total: number, unit: string): ProgressTask;
  /** One line of information. */
  log(message: string): void;
  /** One line that the user should not miss. */
  warn(message: string): void;
}

/** What is known better than when the task was opened. */
export interface TaskKnowledge {
  /** Number of steps, in place of the one before. */
  readonly total?: number;
  /** Remaining seconds, where they do not follow from the pace of the steps; null while there is no estimate. */
  readonly secondsLeft?: number | null;
}

export interface ProgressTask {
  /** Sets the progress to `done` steps of the total, with a short note such as `loss 0.412`. */
  update(done: number, note?: string, known?: TaskKnowledge): void;
  finish(note?: string): void;
}

/** How far a task was at a time, by a clock of any origin. */
export interface Sight {
  readonly done: number;
  readonly atMs: number;
}

/** The pace of a task. */
export interface Pace {
  readonly secondsPerStep: number;
  readonly secondsLeft: number;
}

/** The mean pace between two sights of a task of `total` steps; undefined where no step was done between them. */
export function paceBetween(first: Sight, now: Sight, total: number): Pace | undefined {
  if (now.done <= first.done) return undefined;
  const secondsPerStep = (now.atMs - first.atMs) / 1000 / (now.done - first.done);
  return { secondsPerStep, secondsLeft: (total - now.done) * secondsPerStep };
}

/**
 * The pace of a task since its first update, so that a resumed task does not count the steps before it.
 * @returns the pace at an update; `total` if it is another than before
 */
export function createPace(total: number, elapsedMs: () => number): (done: number, total?: number) => Pace | undefined {
  let first: Sight | undefined;
  let steps = total;
  return (done, changed = steps) => {
    steps = changed;
    const now = { done, atMs: elapsedMs() };
    first ??= now;
    return paceBetween(first, now, steps);
  };
}

/** Time that a pace is measured for before a remaining time is shown; the first steps are not like the others. */
const SETTLING_MS = 2000;

/**
 * The remaining time of a task as people see it: it never rises. Where the work turns out to be more, or slower, it
 * stands still until the estimate has come down to it.
 * @returns seconds at an update; undefined while nothing can be said
 */
export function createCountdown(
  total: number,
  elapsedMs: () => number,
): (done: number, known?: TaskKnowledge) => number | undefined {
  const pace = createPace(total, elapsedMs);
  let startMs: number | undefined;
  let least = Number.POSITIVE_INFINITY;
  return (done, { total: steps, secondsLeft } = {}) => {
    startMs ??= elapsedMs();
    const ofPace = pace(done, steps)?.secondsLeft;
    const isSettled = elapsedMs() - startMs >= SETTLING_MS;
    const left = secondsLeft === undefined ? (isSettled ? ofPace : undefined) : secondsLeft;
    if (left === undefined || left === null) return Number.isFinite(least) ? least : undefined;
    least = Math.min(least, left);
    return least;
  };
}

/** Reports nothing. */
export const silent: Progress = {
  task: () => ({ update: () => {}, finish: () => {} }),
  log: () => {},
  warn: () => {},
};

/** Reports to two receivers. */
export function toBoth(first: Progress, second: Progress): Progress {
  const all = [first, second];
  return {
    task: (label, total, unit) => {
      const tasks = all.map(progress => progress.task(label, total, unit));
      return {
        update: (done, note, known) => {
          for (const task of tasks) task.update(done, note, known);
        },
        finish: note => {
          for (const task of tasks) task.finish(note);
        },
      };
    },
    log: message => {
      for (const progress of all) progress.log(message);
    },
    warn: message => {
      for (const progress of all) progress.warn(message);
    },
  };
}
