/** How long work reports its progress. The program draws bars or prints lines from it; tests pass `silent`. */
export interface Progress {
  /** Opens a task of `total` steps, for example `("teacher", 1500, "step")`. */
  task(label: string, total: number, unit: string): ProgressTask;
  /** One line of information. */
  log(message: string): void;
  /** One line that the user should not miss. */
  warn(message: string): void;
}

export interface ProgressTask {
  /** Sets the progress to `done` steps of the total, with a short note such as `loss 0.412`. */
  update(done: number, note?: string): void;
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

/** The pace of a task since its first update, so that a resumed task does not count the steps before it. */
export function createPace(total: number, elapsedMs: () => number): (done: number) => Pace | undefined {
  let first: Sight | undefined;
  return done => {
    const now = { done, atMs: elapsedMs() };
    first ??= now;
    return paceBetween(first, now, total);
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
        update: (done, note) => {
          for (const task of tasks) task.update(done, note);
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
