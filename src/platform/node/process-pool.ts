/**
 * A pool of processes on this machine, so that units of small networks, which cannot use all cores alone, use them
 * together. Each process runs one unit with its share of the cores and ends. The outcome of a unit is read from its
 * folder, whatever happened to the process.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { InputError } from '../../core/errors.ts';
import type { Laboratory } from '../../experiment/laboratory.ts';
import { type Executor, type StudyToDo, writeExecutor } from '../../study/units/executor.ts';
import { recordedError } from '../../study/units/outcome.ts';
import { cancelledError, cancelledPath } from '../../study/units/perform-unit.ts';
import { type Attempted, schedule } from '../../study/units/schedule.ts';
import { readUnitState, type UnitReport } from '../../study/units/state.ts';
import { secondsLeft } from '../../study/units/time-left.ts';
import { ownProgram } from './own-program.ts';

export interface PoolOptions {
  /** Number of units at once. */
  readonly concurrency: number;
  readonly signal: AbortSignal;
}

/** Number of characters of a process's last output that are kept for messages. */
const TAIL_CHARACTERS = 2000;
/** Interval between reads of the progress, ms. */
const PROGRESS_INTERVAL_MS = 1000;

/** How a process ended. */
interface Ended {
  /** Reason in words, for messages. */
  readonly how: string;
  /** End of its output on stderr. */
  readonly said: string;
}

/** Runs the program to its end; asks it to stop when the signal fires. */
async function runProgram(words: readonly string[], signal: AbortSignal): Promise<Ended> {
  const [node, main] = ownProgram();
  // its own process group, so that Ctrl-C reaches it once, from here; the closed channel shows it when this process has
  // ended
  const child = spawn(node, [main, ...words], { detached: true, stdio: ['ignore', 'ignore', 'pipe', 'ipc'] });
  let said = '';
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    said = (said + text).slice(-TAIL_CHARACTERS);
  });
  const stop = (): void => {
    child.kill('SIGTERM');
  };
  signal.addEventListener('abort', stop);
  if (signal.aborted) stop();
  try {
    const [code, name] = (await once(child, 'close')) as [number | null, string | null];
    return { how: name === null ? `with exit code ${code}` : `by ${name}`, said: said.trim() };
  } finally {
    signal.removeEventListener('abort', stop);
  }
}

/** Result of a unit whose process has ended. */
function attempted({ state, error, label }: UnitReport, { how, said }: Ended): Attempted {
  switch (state) {
    case 'done':
      return { status: 'done' };
    case 'failed':
      return { status: 'failed', error: error ?? recordedError('without an error message') };
    case 'running':
      return { status: 'held', error: { code: 'E_UNIT_HELD', message: `${label} is held by another process` } };
    case 'lost':
      return { status: 'vanished', error: { code: 'E_UNIT_LOST', message: `the process for ${label} ended ${how}` } };
    case 'waiting':
    case 'queued':
    case 'cancelled':
      return {
        status: 'unfinished',
        error: {
          code: 'E_UNIT_PROCESS',
          message: `the process for ${label} ended ${how}.${said === '' ? '' : ` Last output: ${said}`}`,
        },
      };
    default:
      return state satisfies never;
  }
}

/** Progress of a unit in a few words. */
function progressText({ label, progress }: UnitReport): string {
  return progress === null ? label : `${label} ${progress.done}/${progress.total}`;
}

/** Shows the number of ended units and the progress of running ones, until it is closed. */
function showProgress(
  { machine, progress }: Pick<Laboratory, 'machine' | 'progress'>,
  total: number,
  look: () => Promise<{ readonly ended: number; readonly reports: readonly UnitReport[] }>,
): { readonly close: () => Promise<void> } {
  const closed = new AbortController();
  const task = progress.task('units', total, 'unit');
  const show = async (): Promise<void> => {
    const { ended, reports } = await look();
    const running = reports.filter(({ state }) => state === 'running');
    // from the times of finished units, so that what was finished before does not pass for quick work
    task.update(ended, running.map(progressText).join('; '), { secondsLeft: secondsLeft(reports) ?? null });
  };
  const showing = (async () => {
    while (!closed.signal.aborted) {
      await show();
      await machine.wait(PROGRESS_INTERVAL_MS, closed.signal);
    }
    await show();
    task.finish();
  })();
  return {
    close: () => {
      closed.abort();
      return showing;
    },
  };
}

/**
 * A pool whose processes share the laboratory's threads. A process that disappears is restarted; a unit that fails does
 * not stop the others.
 * @throws {InputError} E_CONCURRENCY if there are fewer threads than units at once
 */
export function processPool(
  laboratory: Pick<Laboratory, 'engine' | 'files' | 'machine' | 'progress' | 'threads'>,
  { concurrency, signal }: PoolOptions,
): Executor {
  const { engine, files, machine, progress } = laboratory;
  if (concurrency > laboratory.threads) {
    throw new InputError(
      'E_CONCURRENCY',
      `--concurrency ${concurrency} needs a thread for each unit, but there are ${laboratory.threads} (one per core, or threads of the recipe). Lower it.`,
    );
  }
  const threads = Math.floor(laboratory.threads / concurrency);
  const stateOf = async ({ study, list }: StudyToDo, place: number): Promise<UnitReport> => {
    const [isCancelled, nowMs] = [await files.exists(cancelledPath(study)), await files.nowMs(study)];
    return readUnitState(files, { study, list, place }, { machine, nowMs, isCancelled, outside: new Map() });
  };
  return {
    start: async todo => {
      const { study, list, places, onEnd } = todo;
      await writeExecutor(files, study, { kind: 'local', concurrency, sbatch: null, jobs: [] });
      const running = new Set<number>();
      const known = new Map<number, UnitReport>();
      let ended = 0;
      const perform = async (place: number): Promise<Attempted> => {
        running.add(place);
        const settings = ['--threads', String(threads), '--device', engine.device];
        const end = await runProgram(['unit', study, String(place), ...settings, '--quiet'], signal);
        running.delete(place);
        const report = await stateOf(todo, place);
        known.set(place, report);
        signal.throwIfAborted();
        if (report.state === 'cancelled') throw cancelledError(study);
        const result = attempted(report, end);
        if (result.status !== 'held' && result.status !== 'vanished') ended++;
        if (result.status === 'done') progress.log(`${report.label}: done`);
        else progress.warn(`${report.label}: ${result.error.code}: ${result.error.message}`);
        return result;
      };
      const shown = showProgress(laboratory, places.length, async () => {
        for (const place of places) {
          if (running.has(place) || !known.has(place)) known.set(place, await stateOf(todo, place));
        }
        return { ended, reports: [...known.values()] };
      });
      try {
        const ends = await schedule({
          units: list.units,
          places,
          concurrency,
          perform,
          wait: ms => machine.wait(ms, signal),
          onHeld: () => {},
          onEnd,
        });
        return { status: 'ended', ends };
      } finally {
        await shown.close();
      }
    },
  };
}
