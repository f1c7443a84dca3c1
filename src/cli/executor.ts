/** The executor that the flags ask for, and what it says and does of a run or sweep. */
import { InputError, VoxstillError } from '../core/errors.ts';
import { byHand } from '../experiment/work/by-hand.ts';
import {
  type Executor,
  type ExecutorRecord,
  type Outside,
  type OutsideState,
  readExecutor,
  type WorkToDo,
  writeExecutor,
} from '../experiment/work/executor.ts';
import { inProcess } from '../experiment/work/in-process.ts';
import { type OpenWork, type Performed, performWork } from '../experiment/work/open-work.ts';
import type { Bench } from '../experiment/work/run-unit.ts';
import { MOST_ATTEMPTS } from '../experiment/work/schedule.ts';
import { readStates } from '../experiment/work/state.ts';
import { ownProgram } from '../platform/node/own-program.ts';
import { processPool } from '../platform/node/pool.ts';
import { createSlurmClient } from '../platform/node/slurm/client.ts';
import { type SlurmOptions, slurmExecutor, slurmOutside, slurmScripts } from '../platform/node/slurm/executor.ts';
import type { Files } from '../runtime/files.ts';
import type { ExecutorFlags } from './flags/executor.ts';
import type { Outcome } from './session.ts';

/** Who starts units, as it was asked for or recorded. */
type ExecutorSettings = Pick<ExecutorRecord, 'kind' | 'concurrency' | 'sbatch'>;

/**
 * The settings that flags ask for.
 * @throws {InputError} E_USAGE
 */
export function settingsOf({ executor, concurrency, sbatch }: ExecutorFlags): ExecutorSettings {
  if (executor !== 'slurm' && sbatch !== undefined) {
    throw new InputError('E_USAGE', '--sbatch is for Slurm. Add --executor slurm.');
  }
  return { kind: executor, concurrency: concurrency ?? (executor === 'local' ? 1 : null), sbatch: sbatch ?? null };
}

function slurmOptions(files: Files, { concurrency, sbatch }: ExecutorSettings): SlurmOptions {
  return { client: createSlurmClient(), files, program: ownProgram(), concurrency, sbatch };
}

/** The scripts that would be submitted for units, by their paths in the work folder. */
export async function scriptsOf(
  files: Files,
  settings: ExecutorSettings,
  todo: WorkToDo,
): Promise<readonly { readonly path: string; readonly text: string }[]> {
  return settings.kind === 'slurm' ? slurmScripts(slurmOptions(files, settings), todo) : [];
}

/**
 * The executor for a work; starts nothing.
 * @throws {InputError} E_CONCURRENCY
 */
export function executorFor(bench: Bench, settings: ExecutorSettings, signal: AbortSignal): Executor {
  const { laboratory } = bench;
  const { kind, concurrency } = settings;
  switch (kind) {
    case 'local':
      if (concurrency === null || concurrency === 1) return inProcess(bench);
      return processPool(laboratory, { concurrency, signal });
    case 'slurm':
      return slurmExecutor(slurmOptions(laboratory.files, settings));
    case 'none':
      return byHand(laboratory.files);
    default:
      return kind satisfies never;
  }
}

/** The batch system that was asked to do a work's units. */
function outsideOf({ kind }: ExecutorRecord): Outside | undefined {
  switch (kind) {
    case 'local':
    case 'none':
      return undefined;
    case 'slurm':
      return slurmOutside(createSlurmClient());
    default:
      return kind satisfies never;
  }
}

/**
 * What a batch system says of a work's units; nothing where none was asked to do them.
 * @throws {InputError} E_SLURM_MISSING, {WorkError} E_SLURM if it cannot be asked from here, or does not answer
 */
export async function lookOutside(files: Files, work: string): Promise<ReadonlyMap<number, OutsideState>> {
  const record = await readExecutor(files, work);
  return (await outsideOf(record)?.look(record)) ?? new Map();
}

/** Tells each message once, for those who look again and again. */
export function tellOnce(warn: (message: string) => void): (message: string) => void {
  const told = new Set<string>();
  return message => {
    if (!told.has(message)) warn(message);
    told.add(message);
  };
}

/** As {@link lookOutside}, for those who can do without: what keeps it from answering is only told. */
export async function lookOutsideIfAny(
  files: Files,
  work: string,
  warn: (message: string) => void,
): Promise<ReadonlyMap<number, OutsideState>> {
  try {
    return await lookOutside(files, work);
  } catch (error) {
    if (!(error instanceof VoxstillError)) throw error;
    warn(`only the files of ${work} are looked at. ${error.code}: ${error.message}`);
    return new Map();
  }
}

/** Takes back what a batch system was asked to do for a work. */
export async function cancelOutside(files: Files, work: string): Promise<void> {
  const record = await readExecutor(files, work);
  await outsideOf(record)?.cancel(record);
}

/**
 * Asks the batch system again to do units that it lost, a few times at most: each round has a job that collects.
 * @returns what was submitted, for people; undefined where nothing was
 */
export async function submitAgain(files: Files, todo: WorkToDo): Promise<string | undefined> {
  const record = await readExecutor(files, todo.work);
  const rounds = record.jobs.filter(({ role }) => role === 'collect').length;
  if (record.kind !== 'slurm' || todo.places.length === 0 || rounds >= MOST_ATTEMPTS) return undefined;
  const started = await slurmExecutor(slurmOptions(files, record)).start(todo);
  return started.status === 'submitted' ? started.text : undefined;
}

/** Counts rounds of submission anew, because a person asks for one. */
export async function forgetRounds(files: Files, work: string): Promise<ExecutorRecord> {
  const record = await readExecutor(files, work);
  const fresh = { ...record, jobs: record.jobs.filter(({ role }) => role === 'units') };
  if (fresh.jobs.length < record.jobs.length) await writeExecutor(files, work, fresh);
  return fresh;
}

/** The report of a work that goes on is not written more often. */
const REPORT_INTERVAL_MS = 60_000;

/** Reports what is there when units end, now and then. What keeps it from being reported is told, and the work goes on. */
function reportNowAndThen<Results>(
  { bench, collect }: OpenWork<Results>,
  report: (results: Results) => Promise<Outcome>,
): () => Promise<void> {
  const { machine, progress } = bench.laboratory;
  let lastMs = machine.elapsedMs();
  return async () => {
    if (machine.elapsedMs() - lastMs < REPORT_INTERVAL_MS) return;
    lastMs = machine.elapsedMs();
    try {
      await report(await collect());
    } catch (error) {
      progress.warn(`no report yet: ${error instanceof Error ? error.message : String(error)}`);
    }
  };
}

/** A work without units that are done, or that a batch system sees to already: nothing is submitted twice. */
async function withoutBegun<Results>(work: OpenWork<Results>): Promise<OpenWork<Results>> {
  const { laboratory } = work.bench;
  const reports = await readStates(laboratory, work, await lookOutside(laboratory.files, work.work));
  const begun = new Set(
    reports.filter(({ state }) => ['done', 'queued', 'running'].includes(state)).map(({ place }) => place),
  );
  return { ...work, places: work.places.filter(place => !begun.has(place)) };
}

/**
 * Does a work as the flags ask, and reports it.
 * @param options.report of results, where the units are done here
 */
export async function executeWork<Results>(
  work: OpenWork<Results>,
  settings: ExecutorSettings,
  options: { readonly executor: Executor; readonly report: (results: Results) => Promise<Outcome> },
): Promise<Outcome> {
  const { executor, report } = options;
  const open = settings.kind === 'slurm' ? await withoutBegun(work) : work;
  const todo = { ...open, onEnd: reportNowAndThen(work, report) };
  const performed: Performed<Results> = await performWork(todo, executor);
  if ('results' in performed) return report(performed.results);
  return { json: { folder: work.work, units: work.places.length, submitted: true }, text: performed.submitted };
}
