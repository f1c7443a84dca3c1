/** A run or sweep from the moment its folder is ready: starts its units, puts together what they found, and keeps its record true. */
import { invariant, VoxstillError } from '../core/errors.ts';
import type { Laboratory } from '../experiment/laboratory.ts';
import type { Machine } from '../experiment/machine.ts';
import type { SharedFiles } from '../runtime/files.ts';
import { reasonOf, updateRecord, type WorkRecord } from './record.ts';
import { type Bench, openBench } from './units/bench.ts';
import { highestAttempt, readClaim, workFolder } from './units/claim.ts';
import { type Shortfall, shortfallError } from './units/end.ts';
import type { Executor, WorkToDo } from './units/executor.ts';
import { forgetFailure, readOutcome } from './units/outcome.ts';
import { cancelledPath } from './units/perform-unit.ts';
import { countStates, readStates, type UnitReport } from './units/state.ts';
import type { Unit } from './units/unit.ts';
import type { ListedUnit } from './units/units-file.ts';

/** A run or sweep that is there. */
export interface FoundWork<Results> extends WorkToDo {
  /** Path of its record. */
  readonly record: string;
  /** SHA-256 of the data files that it has seen, by path within the data set. */
  readonly known: Readonly<Record<string, string>> | undefined;
  /** Puts together what the units found, as far as they came. */
  readonly collect: () => Promise<Results>;
}

/** One whose units can be done here. */
export interface OpenWork<Results> extends Omit<FoundWork<Results>, 'known'> {
  readonly bench: Bench;
}

/** A run or sweep that is checked, and of which nothing is written yet. */
export interface PlannedWork<Results> extends WorkToDo {
  readonly bench: Bench;
  /** In the order of the places. */
  readonly units: readonly Unit[];
  /** Makes its folder ready. */
  readonly prepare: () => Promise<OpenWork<Results>>;
}

/** Opens a work that is there. */
export function openWork<Results>(
  laboratory: Laboratory,
  { known, ...work }: FoundWork<Results>,
  signal: AbortSignal,
): OpenWork<Results> {
  return { ...work, bench: openBench(laboratory, { work: work.work, kind: work.list.kind, known, signal }) };
}

/** Results, or what was submitted, for people. */
export type Performed<Results> = { readonly results: Results } | { readonly submitted: string };

/** The results of units that were done here. */
export function resultsOf<Results>(performed: Performed<Results>): Results {
  invariant('results' in performed, 'what was done in this process has ended');
  return performed.results;
}

/** What a unit spent, also one that has not ended. */
async function spentBy(
  files: SharedFiles,
  folder: string,
): Promise<Pick<WorkRecord, 'timingsSeconds' | 'waitingShares'> | undefined> {
  const attempt = highestAttempt(await files.list(workFolder(folder)));
  return (await readOutcome(files, folder)) ?? (await readClaim(files, folder, attempt))?.record;
}

/** What all units spent, by their labels and stages. */
async function spent(
  files: SharedFiles,
  work: string,
  units: readonly ListedUnit[],
): Promise<Pick<WorkRecord, 'timingsSeconds' | 'waitingShares'>> {
  const each = await Promise.all(
    units.map(async ({ folder, label }) => ({ label, own: await spentBy(files, `${work}/${folder}`) })),
  );
  const byStage = (what: 'timingsSeconds' | 'waitingShares'): Record<string, number> =>
    Object.fromEntries(
      each.flatMap(({ label, own }) =>
        Object.entries(own?.[what] ?? {}).map(([stage, value]) => [`${label}/${stage}`, value] as const),
      ),
    );
  return { timingsSeconds: byStage('timingsSeconds'), waitingShares: byStage('waitingShares') };
}

/** Makes units startable that were cancelled or have failed. */
async function forgetEnds(files: SharedFiles, { work, list, places }: WorkToDo): Promise<void> {
  await files.remove(cancelledPath(work));
  for (const place of places) await forgetFailure(files, `${work}/${list.units[place]?.folder}`);
}

/** Units that did not come to their results. */
function shortfallsOf(
  { list, places }: WorkToDo,
  ends: Awaited<ReturnType<Executor['start']>> & { status: 'ended' },
): readonly Shortfall[] {
  return places.flatMap((place): Shortfall[] => {
    const end = ends.ends.get(place);
    return end === undefined || end.status === 'done' ? [] : [{ label: list.units[place]?.label ?? '', end }];
  });
}

/**
 * Puts together what is finished of a work, and says in its record how far it came.
 * @param reports of all its units
 */
export async function collectWork<Results>(
  { files, machine }: { readonly files: SharedFiles; readonly machine: Pick<Machine, 'now'> },
  { work, list, record, collect }: FoundWork<Results>,
  reports: readonly UnitReport[],
): Promise<Results> {
  const results = await collect();
  const status = statusOf(reports);
  const failed = reports.find(({ error }) => error !== null);
  await updateRecord(files, record, {
    ...(await spent(files, work, list.units)),
    ...(status !== undefined && { status, finishedAt: machine.now() }),
    error: failed?.error ? `${failed.label}: ${failed.error.code}: ${failed.error.message}` : undefined,
  });
  return results;
}

/** How a work ended whose units stand like this; undefined as long as it goes on. */
function statusOf(reports: readonly UnitReport[]): WorkRecord['status'] | undefined {
  const { done, failed, cancelled } = countStates(reports);
  if (done + failed === reports.length) return failed === 0 ? 'done' : 'failed';
  return done + failed + cancelled === reports.length ? 'stopped' : undefined;
}

/** How a work stands whose units have ended, by those that were somebody else's. */
async function statusBeside({ bench, list, work, places }: OpenWork<unknown>): Promise<WorkRecord['status']> {
  const reports = await readStates(bench.laboratory, { work, list });
  const { failed, running } = countStates(reports.filter(({ place }) => !places.includes(place)));
  if (failed > 0) return 'failed';
  return running > 0 ? 'running' : 'done';
}

/**
 * Does the units of a work that are not done yet, failed ones again.
 * @returns its results, or what was submitted
 * @throws the error of a unit that did not come to its results, after the results of the others have been put together; {WorkError} E_UNITS if
 *   there are several; the reason of an interruption
 */
export async function performWork<Results>(work: OpenWork<Results>, executor: Executor): Promise<Performed<Results>> {
  const { bench, list, record, collect } = work;
  const { files, machine } = bench.laboratory;
  const settle = async (status: WorkRecord['status'], error?: string): Promise<void> => {
    const { timingsSeconds, waitingShares } = await spent(files, work.work, list.units);
    await updateRecord(files, record, {
      status,
      finishedAt: status === 'running' ? undefined : machine.now(),
      dataHashes: bench.dataHashes,
      timingsSeconds,
      waitingShares,
      error,
    });
  };
  await forgetEnds(files, work);
  await updateRecord(files, record, { status: 'running', finishedAt: undefined, error: undefined });
  try {
    const started = await executor.start(work);
    if (started.status === 'submitted') return { submitted: started.text };
    const [first, ...more] = shortfallsOf(work, started);
    const results = await collect();
    if (first !== undefined) throw shortfallError([first, ...more]);
    await settle(await statusBeside(work));
    return { results };
  } catch (error) {
    const isStopped =
      bench.signal?.aborted === true || (error instanceof VoxstillError && error.code === 'E_CANCELLED');
    await settle(isStopped ? 'stopped' : 'failed', reasonOf(error));
    throw error;
  }
}
