/** Runs units in this process, one after another; they share the data that they read. */

import { VoxstillError } from '../../core/errors.ts';
import type { StudyContext } from './context.ts';
import type { Executor } from './executor.ts';
import { type PerformOptions, performUnit } from './perform-unit.ts';
import { schedule } from './schedule.ts';
import { readUnit } from './units-file.ts';

/** @param options passed to `performUnit` for every unit */
export function inProcess(context: StudyContext, options: PerformOptions = {}): Executor {
  const { laboratory, study, signal } = context;
  const { machine, progress } = laboratory;
  return {
    start: async ({ list, places, onEnd }) => {
      /** What was written first when the disk was full; other units may have no room after it either. */
      let full: VoxstillError | undefined;
      const isFull = (error: unknown): error is VoxstillError =>
        error instanceof VoxstillError && error.code === 'E_DISK_FULL';
      const ends = await schedule({
        units: list.units,
        places,
        concurrency: 1,
        perform: async place => {
          const unit = await readUnit(laboratory, study, { list, place });
          const end = await performUnit(context, unit, options).catch((error: unknown) => {
            throw isFull(error) ? (full ?? error) : error;
          });
          if ('cause' in end && isFull(end.cause)) full ??= end.cause;
          if (end.status === 'failed') progress.warn(`${unit.label} failed: ${end.error.code}: ${end.error.message}`);
          return end;
        },
        wait: ms => machine.wait(ms, signal),
        onHeld: (_, message) => progress.log(`${message}; waiting for it`),
        onEnd,
      });
      return { status: 'ended', ends };
    },
  };
}
