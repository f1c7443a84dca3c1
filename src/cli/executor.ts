/** The executor that the flags ask for, and what it says and does of a run or sweep. */
import { InputError, VoxstillError } from '../core/errors.ts';
import { ownProgram } from '../platform/node/own-program.ts';
import { processPool } from '../platform/node/process-pool.ts';
import { createSlurmClient } from '../platform/node/slurm/client.ts';
import { type SlurmOptions, slurmExecutor, slurmOutside, slurmScripts } from '../platform/node/slurm/slurm-executor.ts';
import type { Files } from '../runtime/files.ts';
import { type OpenStudy, type Performed, performStudy } from '../study/open-study.ts';
import { byHand } from '../study/units/by-hand.ts';
import type { StudyContext } from '../study/units/context.ts';
import {
  type Executor,
  type ExecutorRecord,
  type Outside,
  type OutsideState,
  readExecutor,
  type StudyToDo,
  writeExecutor,
} from '../study/units/executor.ts';
import { inProcess } from '../study/units/in-process.ts';
import { MOST_ATTEMPTS } from '../study/units/schedule.ts';
import { readStates } from '../study/units/state.ts';
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

/** The scripts that would be submitted for units, by their paths in the study's folder. */
export async function scriptsOf(
  files: Files,
  settings: ExecutorSettings,
  todo: StudyToDo,
): Promise<readonly { readonly path: string; readonly text: string }[]> {
  return settings.kind === 'slurm' ? slurmScripts(slurmOptions(files, settings), todo) : [];
}

/**
 * The executor for a study; starts nothing.
 * @throws {InputError} E_CONCURRENCY
 */
export function executorFor(context: StudyContext, settings: ExecutorSettings, signal: AbortSignal): Executor {
  const { laboratory } = context;
  const { kind, concurrency } = settings;
  switch (kind) {
    case 'local':
      if (concurrency === null || concurrency === 1) return inProcess(context);
      return processPool(laboratory, { concurrency, signal });
    case 'slurm':
      return slurmExecutor(slurmOptions(laboratory.files, settings));
    case 'none':
      return byHand(laboratory.files);
    default:
      return kind satisfies never;
  }
}

/** The batch system that was asked to do a study's units. */
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
 * What a batch system says of a study's units; nothing where none was asked to do them.
 * @throws {InputError} E_EXECUTOR if the record of who was asked is damaged, E_SLURM_MISSING, {WorkError} E_SLURM if it cannot be asked from here,
 *   or does not answer
 */
export async function lookOutside(files: Files, study: string): Promise<ReadonlyMap<number, OutsideState>> {
  const record = await readExecutor(files, study);
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

/**
 * As {@link lookOutside}, for those who can do without: what keeps it from answering is only told.
 * @throws {InputError} E_EXECUTOR
 */
export async function lookOutsideIfAny(
  files: Files,
  study: string,
  warn: (message: string) => void,
): Promise<ReadonlyMap<number, OutsideState>> {
  const record = await readExecutor(files, study);
  try {
    return (await outsideOf(record)?.look(record)) ?? new Map();
  } catch (error) {
    if (!(error instanceof VoxstillError)) throw error;
    warn(`only the files of ${study} are looked at. ${error.code}: ${error.message}`);
    return new Map();
  }
}

/** Takes back what a batch system was asked to do for a study. */
export async function cancelOutside(files: Files, study: string): Promise<void> {
  const record = await readExecutor(files, study);
  await outsideOf(record)?.cancel(record);
}

/**
 * Asks the batch system again to do units that it lost, a few times at most: each round has a job that collects.
 * @returns what was submitted, for people; undefined where nothing was
 */
export async function submitAgain(files: Files, todo: StudyToDo): Promise<string | undefined> {
  const record = await readExecutor(files, todo.study);
  const rounds = record.jobs.filter(({ role }) => role === 'collect').length;
  if (record.kind !== 'slurm' || todo.places.length === 0 || rounds >= MOST_ATTEMPTS) return undefined;
  const started = await slurmExecutor(slurmOptions(files, record)).start(todo);
  return started.status === 'submitted' ? started.text : undefined;
}

/** Counts rounds of submission anew, because a person asks for one. */
export async function forgetRounds(files: Files, study: string): Promise<ExecutorRecord> {
  const record = await readExecutor(files, study);
  const fresh = { ...record, jobs: record.jobs.filter(({ role }) => role === 'units') };
  if (fresh.jobs.length < record.jobs.length) await writeExecutor(files, study, fresh);
  return fresh;
}

/** The report of a study that goes on is not written more often. */
const REPORT_INTERVAL_MS = 60_000;

/** Reports what is there when units end, now and then. What keeps it from being reported is told, and the work goes on. */
function reportNowAndThen<Results>(
  { context, collect }: OpenStudy<Results>,
  report: (results: Results) => Promise<Outcome>,
): () => Promise<void> {
  const { machine, progress } = context.laboratory;
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

/** A study without units that are done, or that a batch system sees to already: nothing is submitted twice. */
async function withoutBegun<Results>(open: OpenStudy<Results>): Promise<OpenStudy<Results>> {
  const { laboratory } = open.context;
  const reports = await readStates(laboratory, open, await lookOutside(laboratory.files, open.study));
  const begun = new Set(
    reports.filter(({ state }) => ['done', 'queued', 'running'].includes(state)).map(({ place }) => place),
  );
  return { ...open, places: open.places.filter(place => !begun.has(place)) };
}

/**
 * Performs a study as the flags ask, and reports it.
 * @param options.report of results, where the units are done here
 */
export async function executeStudy<Results>(
  open: OpenStudy<Results>,
  settings: ExecutorSettings,
  options: { readonly executor: Executor; readonly report: (results: Results) => Promise<Outcome> },
): Promise<Outcome> {
  const { executor, report } = options;
  const remaining = settings.kind === 'slurm' ? await withoutBegun(open) : open;
  const todo = { ...remaining, onEnd: reportNowAndThen(open, report) };
  const performed: Performed<Results> = await performStudy(todo, executor);
  if ('results' in performed) return report(performed.results);
  return { json: { folder: open.study, units: open.places.length, submitted: true }, text: performed.submitted };
}
