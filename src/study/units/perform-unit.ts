/**
 * Runs one unit: in this process, in a process of a pool, or in a task of a batch system. Claims the unit, completes it
 * (train, validate if something is chosen by that, evaluate), and writes its outcome. A finished unit is not run again.
 */
import { VoxstillError, WorkError } from '../../core/errors.ts';
import { boundFiles } from '../../runtime/bounded-files.ts';
import { createPace, type Progress, type ProgressTask } from '../../runtime/progress.ts';
import { sweepTemporaries } from '../../runtime/temporaries.ts';
import type { VolumeWarning } from '../../volume/geometry.ts';
import { hashResults, stateOfStage } from './changed-results.ts';
import { type Claim, guardFiles, HELD_INTERVAL_MS, type Heartbeat, ownerText, takeClaim } from './claim.ts';
import type { StudyContext, UnitContext } from './context.ts';
import type { UnitEnd } from './end.ts';
import { exportUnit } from './export-unit.ts';
import { readOutcome, recordedError, type UnitOutcome, writeOutcome } from './outcome.ts';
import { evaluateUnit, trainUnit } from './stages.ts';
import { trainedStepsOf } from './steps-of-unit.ts';
import { type Unit, unitsBefore } from './unit.ts';

/** Interval between heartbeats of an owner, ms. */
export const HEARTBEAT_MS = 5000;

export interface PerformOptions {
  /** Whether to stop when the model exists, without an outcome; whole units otherwise. */
  readonly trainOnly?: boolean;
  /** Called when this process owns the unit. */
  readonly onClaim?: (attempt: number) => void;
}

/** A file that stops all units of a study while it exists. */
export function cancelledPath(study: string): string {
  return `${study}/cancelled`;
}

/** @returns WorkError E_CANCELLED */
export function cancelledError(study: string): WorkError {
  return new WorkError(
    'E_CANCELLED',
    `${study} was cancelled. Finished units are kept; voxstill retry continues with the rest.`,
  );
}

/** Progress that also remembers its last state, for heartbeats. */
function watchedProgress(
  progress: Progress,
  elapsedMs: () => number,
): { readonly progress: Progress; readonly last: () => Heartbeat['progress'] } {
  let last: Heartbeat['progress'] = null;
  const task = (label: string, total: number, unit: string): ProgressTask => {
    const shown = progress.task(label, total, unit);
    const pace = createPace(total, elapsedMs);
    let steps = total;
    last = { stage: label, done: 0, total, unit, secondsPerStep: null, etaSeconds: null };
    return {
      update: (done, note, known) => {
        steps = known?.total ?? steps;
        const { secondsPerStep = null, secondsLeft: etaSeconds = null } = pace(done, steps) ?? {};
        last = { stage: label, done, total: steps, unit, secondsPerStep, etaSeconds };
        shown.update(done, note, known);
      },
      finish: note => {
        last = null;
        shown.finish(note);
      },
    };
  };
  return { progress: { ...progress, task }, last: () => last };
}

/** Sends heartbeats until it is stopped; aborts the unit if it is cancelled or the claim is lost. */
function startHeart(
  { laboratory, study }: StudyContext,
  claim: Claim,
  { say, stop }: { readonly say: () => Heartbeat; readonly stop: (reason: WorkError) => void },
): { readonly end: () => Promise<void> } {
  const { files, machine, progress } = laboratory;
  const ended = new AbortController();
  const beat = async (): Promise<void> => {
    try {
      await claim.beat(say());
      if (await files.exists(cancelledPath(study))) stop(cancelledError(study));
    } catch (error) {
      if (error instanceof WorkError && error.code === 'E_CLAIM_LOST') stop(error);
      // the unit itself stops if it cannot write either
      else progress.warn(`no heartbeat: ${error instanceof Error ? error.message : String(error)}`);
    }
  };
  const beating = (async () => {
    for (;;) {
      await machine.wait(HEARTBEAT_MS, ended.signal);
      if (ended.signal.aborted) return;
      await beat();
    }
  })();
  return {
    end: () => {
      ended.abort();
      return beating;
    },
  };
}

/** Codes of a unit that is not finished and of one that failed, and what it is for those that need its model. */
const BEFORE = {
  coarse: { missing: 'E_COARSE_MISSING', failed: 'E_COARSE_FAILED', noun: 'coarse stage' },
  teacher: { missing: 'E_TEACHER_MISSING', failed: 'E_TEACHER_FAILED', noun: 'teacher' },
} as const;

/** Why a unit cannot start, and whether it can later. */
interface Obstacle {
  readonly error: WorkError;
  readonly isFinal: boolean;
}

/**
 * Reason why a unit cannot start: one whose model it needs failed, so that it fails too, or is not finished yet.
 * @returns E_COARSE_FAILED, E_COARSE_MISSING, E_TEACHER_FAILED, E_TEACHER_MISSING or nothing
 */
async function obstacleOf({ laboratory: { files } }: StudyContext, unit: Unit): Promise<Obstacle | undefined> {
  const before = unitsBefore(unit);
  for (const kind of ['coarse', 'teacher'] as const) {
    const needed = before[kind];
    if (needed === undefined || (await files.exists(needed.folder.model))) continue;
    const { missing, failed, noun } = BEFORE[kind];
    const { folder } = needed.folder;
    const outcome = await readOutcome(files, folder);
    if (outcome?.status !== 'failed') {
      const error = new WorkError(missing, `its ${noun} is not finished: there is no model in ${folder} yet.`);
      return { error, isFinal: false };
    }
    const { code, message } = outcome.error ?? recordedError('without an error message');
    return { error: new WorkError(failed, `its ${noun} failed: ${code}: ${message}`), isFinal: true };
  }
  return undefined;
}

/** The stages of a unit, one after another. */
async function complete(
  context: UnitContext,
  unit: Unit,
  { trainOnly = false }: PerformOptions,
): Promise<readonly VolumeWarning[]> {
  await trainUnit(context, unit);
  if (trainOnly) return [];
  // nothing is chosen by the scores of a coarse stage
  if (context.kind === 'sweep' && unit.arm !== 'coarse') await evaluateUnit(context, unit, 'val');
  await evaluateUnit(context, unit, 'test');
  return exportUnit(context, unit);
}

function endOf({ status, error }: Pick<UnitOutcome, 'status' | 'error'>, cause?: unknown): UnitEnd {
  if (status === 'done') return { status };
  return { status, error: error ?? recordedError('without an error message'), ...(cause !== undefined && { cause }) };
}

/**
 * Runs a unit, unless it is finished, has failed, or is held by another process.
 * @returns how it ended; an interruption is thrown instead
 * @throws the reason of the context's signal; {WorkError} E_CANCELLED; E_DISK_FULL and the like if no claim can be
 * written
 */
export async function performUnit(context: StudyContext, unit: Unit, options: PerformOptions = {}): Promise<UnitEnd> {
  const { laboratory, study, signal } = context;
  const { files, machine } = laboratory;
  const { folder } = unit.folder;
  const earlier = await readOutcome(files, folder);
  if (earlier !== undefined) return endOf(earlier);
  const isTrainedAlready =
    options.trainOnly === true &&
    (await files.exists(unit.folder.model)) &&
    (await stateOfStage(laboratory, folder, 'train')) !== 'changed';
  if (isTrainedAlready) {
    laboratory.progress.log(`${unit.label}: ${unit.folder.model} is finished already`);
    return { status: 'done' };
  }
  signal?.throwIfAborted();
  if (await files.exists(cancelledPath(study))) throw cancelledError(study);
  const obstacle = await obstacleOf(context, unit);
  if (obstacle !== undefined && !obstacle.isFinal)
    return { status: 'unfinished', error: recordedError(obstacle.error), cause: obstacle.error };
  const taken = await takeClaim(laboratory, folder);
  if ('heldBy' in taken) {
    const message = `${folder} is held by ${ownerText(taken.heldBy)}`;
    return { status: 'held', error: { code: 'E_UNIT_HELD', message }, beatAtMs: taken.heldBy.modifiedMs };
  }
  const { claim } = taken;
  options.onClaim?.(claim.attempt);
  const stopped = new AbortController();
  const watched = watchedProgress(laboratory.progress, machine.elapsedMs);
  const bounded = boundFiles(files, [study, unit.recipe.distill.cache.folder]);
  const own: UnitContext = {
    ...context,
    laboratory: { ...laboratory, files: guardFiles(bounded, claim), progress: watched.progress },
    signal: signal === undefined ? stopped.signal : AbortSignal.any([signal, stopped.signal]),
    timingsSeconds: { ...claim.earlier.timingsSeconds },
    waitingShares: { ...claim.earlier.waitingShares },
  };
  await sweepTemporaries(own.laboratory.files, folder);
  const { timingsSeconds, waitingShares } = own;
  const say = (): Heartbeat => ({ progress: watched.last(), timingsSeconds, waitingShares });
  const heart = startHeart(context, claim, { say, stop: reason => stopped.abort(reason) });
  const leave = async (error?: unknown, warnings: readonly VolumeWarning[] = []): Promise<UnitEnd> => {
    const training = error === undefined ? await trainedStepsOf(files, unit) : undefined;
    const outcome: UnitOutcome = {
      status: error === undefined ? 'done' : 'failed',
      attempt: claim.attempt,
      node: machine.owner.node,
      finishedAt: machine.now(),
      ...(error === undefined
        ? { files: await hashResults(own.laboratory, folder), ...(training && { training }) }
        : { error: recordedError(error) }),
      ...(warnings.length > 0 && { warnings: [...warnings] }),
      timingsSeconds,
      waitingShares,
      threads: laboratory.threads,
      ...machine.provenance,
    };
    await writeOutcome(own.laboratory.files, folder, outcome);
    return endOf(outcome, error);
  };
  try {
    if (obstacle !== undefined) throw obstacle.error;
    const warnings = await complete(own, unit, options);
    return options.trainOnly === true ? { status: 'done' } : await leave(undefined, warnings);
  } catch (error) {
    if (error instanceof VoxstillError && error.code === 'E_CLAIM_LOST') {
      laboratory.progress.warn(`${error.code}: ${error.message}`);
      return { status: 'held', error: recordedError(error), cause: error };
    }
    if (own.signal?.aborted === true) throw error;
    // where not even the outcome can be written, what counts is the first file that could not; the lease frees the unit
    return await leave(error).catch(() => endOf({ status: 'failed', error: recordedError(error) }, error));
  } finally {
    await heart.end();
    await claim.release({ ...say(), progress: null }).catch((error: unknown) => {
      // the lease frees the unit as well, and why the unit ended must not be lost
      laboratory.progress.warn(`the claim was not released: ${error instanceof Error ? error.message : String(error)}`);
    });
  }
}

/**
 * As {@link performUnit}, but waits for a silent holder until its lease is over, since it may be dead: a batch system
 * restarts a unit right after its machine was lost.
 * @returns `held` only if the holder has meanwhile shown that it is alive
 */
export async function performWhenFree(
  context: StudyContext,
  unit: Unit,
  options: PerformOptions = {},
): Promise<UnitEnd> {
  const { machine, progress } = context.laboratory;
  let first: number | undefined;
  for (;;) {
    const end = await performUnit(context, unit, options);
    if (end.status !== 'held' || end.beatAtMs === undefined) return end;
    if (first === undefined) progress.log(`${end.error.message}; waiting to see whether it is still running`);
    first ??= end.beatAtMs;
    if (end.beatAtMs !== first) return end;
    await machine.wait(HELD_INTERVAL_MS, context.signal);
  }
}
