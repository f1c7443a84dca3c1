/** A run or sweep whose folder is ready: starts its units, collects their results, and updates its record. */
import { type ErrorCode, invariant, VoxstillError } from '../core/errors.ts';
import type { Laboratory } from '../experiment/laboratory.ts';
import type { Machine } from '../experiment/machine.ts';
import type { SharedFiles } from '../runtime/files.ts';
import { sweepTemporaries } from '../runtime/temporaries.ts';
import { type RecordedHashes, reasonOf, type StudyRecord, updateRecord } from './record.ts';
import { stepWarnings } from './trained-steps.ts';
import { forgetDamage } from './units/changed-results.ts';
import { highestAttempt, LEASE_MS, readClaim, workFolder } from './units/claim.ts';
import { openContext, type StudyContext } from './units/context.ts';
import { type Shortfall, shortfallError } from './units/end.ts';
import type { Executor, StudyToDo } from './units/executor.ts';
import { forgetFailure, readOutcome, type UnitOutcome } from './units/outcome.ts';
import { cancelledPath } from './units/perform-unit.ts';
import { countStates, readStates, type UnitReport } from './units/state.ts';
import type { Unit } from './units/unit.ts';
import type { Units } from './units/units-file.ts';

/** A run or sweep whose folder exists. */
export interface FoundStudy<Results> extends StudyToDo {
  /** Path of its record. */
  readonly record: string;
  /** Hashes of the files from outside that were read. */
  readonly known: RecordedHashes | undefined;
  /** Collects the results of the units that are finished. */
  readonly collect: () => Promise<Results>;
}

/** A study whose units can run in this process. */
export interface OpenStudy<Results> extends Omit<FoundStudy<Results>, 'known'> {
  readonly context: StudyContext;
}

/** A run or sweep that is checked, but nothing of it is written yet. */
export interface PlannedStudy<Results> extends StudyToDo {
  readonly context: StudyContext;
  /** Units in the order of their indices. */
  readonly units: readonly Unit[];
  /** Prepares the folder. */
  readonly prepare: () => Promise<OpenStudy<Results>>;
}

/** Opens a study whose folder exists. */
export function openStudy<Results>(
  laboratory: Laboratory,
  { known, ...found }: FoundStudy<Results>,
  signal: AbortSignal,
): OpenStudy<Results> {
  return { ...found, context: openContext(laboratory, { study: found.study, kind: found.list.kind, known, signal }) };
}

/** Results, or what was submitted, for people. */
export type Performed<Results> = { readonly results: Results } | { readonly submitted: string };

/** Results of the units that ran here. */
export function resultsOf<Results>(performed: Performed<Results>): Results {
  invariant('results' in performed, 'what was done in this process has ended');
  return performed.results;
}

/** Time that a unit spent, also if it has not ended, and the steps of its training if it has. */
async function spentBy(
  files: SharedFiles,
  folder: string,
): Promise<
  (Pick<StudyRecord, 'timingsSeconds' | 'waitingShares'> & Pick<UnitOutcome, 'training' | 'warnings'>) | undefined
> {
  const attempt = highestAttempt(await files.list(workFolder(folder)));
  return (await readOutcome(files, folder)) ?? (await readClaim(files, folder, attempt))?.record;
}

type Spent = Pick<StudyRecord, 'timingsSeconds' | 'waitingShares' | 'trainedSteps' | 'warnings'>;

/** Time that all units spent, by label and stage, and the steps of their trainings. */
async function spent(files: SharedFiles, study: string, { units, kind }: Units): Promise<Spent> {
  const each = await Promise.all(
    units.map(async unit => ({ ...unit, own: await spentBy(files, `${study}/${unit.folder}`) })),
  );
  const byStage = (what: 'timingsSeconds' | 'waitingShares'): Record<string, number> =>
    Object.fromEntries(
      each.flatMap(({ label, own }) =>
        Object.entries(own?.[what] ?? {}).map(([stage, value]) => [`${label}/${stage}`, value] as const),
      ),
    );
  return {
    timingsSeconds: byStage('timingsSeconds'),
    waitingShares: byStage('waitingShares'),
    trainedSteps: Object.fromEntries(
      each.flatMap(({ label, own }) => (own?.training === undefined ? [] : [[label, own.training] as const])),
    ),
    // the units of a sweep belong to several combinations
    warnings:
      kind === 'run'
        ? [
            ...stepWarnings(each.map(({ own, ...unit }) => ({ ...unit, trained: own?.training }))),
            ...each.flatMap(({ own }) => own?.warnings ?? []),
          ]
        : [],
  };
}

/** Errors that are no fault of a unit: with room or the folder back, --resume goes on. */
const STOPS: readonly ErrorCode[] = ['E_CANCELLED', 'E_DISK_FULL', 'E_FOLDER_GONE'];

/** Bytes that are kept free on the disk for the record of how a study ended. */
const ROOM_BYTES = 65_536;

function roomPath(study: string): string {
  return `${study}/.room`;
}

/** Makes units startable again that were cancelled or failed, or whose results were changed. */
async function forgetEnds({ files, machine, progress }: Laboratory, { study, list, places }: StudyToDo): Promise<void> {
  const damage = await forgetDamage({ files, machine }, study);
  for (const { folder, path } of damage) {
    progress.warn(`${folder}/${path} changed after it was finished, and is made again`);
  }
  await files.remove(cancelledPath(study));
  for (const place of places) await forgetFailure(files, `${study}/${list.units[place]?.folder}`);
}

/** Units without results. */
function shortfallsOf(
  { list, places }: StudyToDo,
  ends: Awaited<ReturnType<Executor['start']>> & { status: 'ended' },
): readonly Shortfall[] {
  return places.flatMap((place): Shortfall[] => {
    const end = ends.ends.get(place);
    return end === undefined || end.status === 'done' ? [] : [{ label: list.units[place]?.label ?? '', end }];
  });
}

/**
 * Collects the finished results of a study, and writes its status into its record.
 * @param reports states of all its units
 */
export async function collectStudy<Results>(
  { files, machine }: { readonly files: SharedFiles; readonly machine: Pick<Machine, 'now'> },
  { study, list, record, collect }: FoundStudy<Results>,
  reports: readonly UnitReport[],
): Promise<Results> {
  const results = await collect();
  const status = statusOf(reports);
  const failed = reports.find(({ error }) => error !== null);
  await updateRecord(
    files,
    { path: record, kind: list.kind },
    {
      ...(await spent(files, study, list)),
      ...(status !== undefined && { status, finishedAt: machine.now() }),
      error: failed?.error ? `${failed.label}: ${failed.error.code}: ${failed.error.message}` : undefined,
    },
  );
  return results;
}

/** Final status of a study for these states of its units; undefined while it still runs. */
function statusOf(reports: readonly UnitReport[]): StudyRecord['status'] | undefined {
  const { done, failed, cancelled } = countStates(reports);
  if (done + failed === reports.length) return failed === 0 ? 'done' : 'failed';
  return done + failed + cancelled === reports.length ? 'stopped' : undefined;
}

/** Status of a study whose own units have ended, considering units that other processes run. */
async function statusBeside({ context, list, study, places }: OpenStudy<unknown>): Promise<StudyRecord['status']> {
  const reports = await readStates(context.laboratory, { study, list });
  const { failed, running } = countStates(reports.filter(({ place }) => !places.includes(place)));
  if (failed > 0) return 'failed';
  return running > 0 ? 'running' : 'done';
}

/**
 * Runs the unfinished units of a study, including failed ones.
 * @returns its results, or what was submitted
 * @throws the error of a unit without results, after the results of the others have been collected; {WorkError} E_UNITS
 * if
 *   there are several; the reason of an interruption
 */
export async function performStudy<Results>(open: OpenStudy<Results>, executor: Executor): Promise<Performed<Results>> {
  const { context, list, record, collect } = open;
  const { files, machine } = context.laboratory;
  const settle = async (status: StudyRecord['status'], error?: string): Promise<void> => {
    const found = await spent(files, open.study, list);
    for (const { code, message } of found.warnings ?? []) context.laboratory.progress.warn(`${code}: ${message}`);
    await updateRecord(
      files,
      { path: record, kind: list.kind },
      {
        status,
        finishedAt: status === 'running' ? undefined : machine.now(),
        ...context.hashes,
        ...found,
        error,
      },
    );
  };
  await sweepTemporaries(files, open.study, { olderThanMs: LEASE_MS });
  await forgetEnds(context.laboratory, open);
  await updateRecord(
    files,
    { path: record, kind: list.kind },
    { status: 'running', finishedAt: undefined, error: undefined },
  );
  try {
    await files.write(roomPath(open.study), '.'.repeat(ROOM_BYTES));
    const started = await executor.start(open);
    if (started.status === 'submitted') return { submitted: started.text };
    const [first, ...more] = shortfallsOf(open, started);
    const results = await collect();
    if (first !== undefined) throw shortfallError([first, ...more]);
    await settle(await statusBeside(open));
    return { results };
  } catch (error) {
    const isStopped =
      context.signal?.aborted === true || (error instanceof VoxstillError && STOPS.includes(error.code));
    // a disk that is full has room for the record now; where it has none even so, the message counts
    await files.remove(roomPath(open.study)).catch(() => {});
    await settle(isStopped ? 'stopped' : 'failed', reasonOf(error)).catch(() => {});
    throw error;
  } finally {
    await files.remove(roomPath(open.study)).catch(() => {});
  }
}
