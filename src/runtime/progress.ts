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
