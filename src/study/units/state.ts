/**
 * States of units, derived from the folder and the batch system: for any process that sees the shared folder, whoever
 * started the units and whether or not that process still runs.
 */

import type { Machine } from '../../experiment/machine.ts';
import type { SharedFiles } from '../../runtime/files.ts';
import { type FoundClaim, type Heartbeat, highestAttempt, livenessOf, readClaim, workFolder } from './claim.ts';
import type { OutsideState } from './executor.ts';
import { OUTCOME_FILE, readOutcome, type UnitOutcome } from './outcome.ts';
import { cancelledPath } from './perform-unit.ts';
import { MOST_ATTEMPTS } from './schedule.ts';
import type { ListedUnit, Units } from './units-file.ts';

/**
 * waiting: no process runs it. queued: a batch system will start it. lost: its process disappeared. cancelled: no
 * process runs it, and the study is cancelled.
 */
export const UNIT_STATES = ['waiting', 'queued', 'running', 'done', 'failed', 'lost', 'cancelled'] as const;
export type UnitState = (typeof UNIT_STATES)[number];

/** State of a unit. */
export interface UnitReport extends Omit<ListedUnit, 'coarse' | 'teacher' | 'recipeSha256' | 'splitsSha256'> {
  /** Index in the list of the study. */
  readonly place: number;
  readonly state: UnitState;
  /** Number of the last attempt; 0 if there was none. */
  readonly attempt: number;
  /** Machine where it runs or ran. */
  readonly node: string | null;
  /** Job id of the batch system. */
  readonly job: string | null;
  /** Progress of a running unit. */
  readonly progress: Heartbeat['progress'];
  /** Seconds by stage. */
  readonly timingsSeconds: Readonly<Record<string, number>>;
  /** Steps of its training, once it is finished. */
  readonly training?: UnitOutcome['training'];
  /** Error of a failed unit. */
  readonly error: NonNullable<UnitOutcome['error']> | null;
  /** Reason of the batch system why it is queued. */
  readonly queuedFor: string | null;
}

export interface Look {
  readonly machine: Pick<Machine, 'hasEnded'>;
  /** Current time by the clock of the file system. */
  readonly nowMs: number;
  readonly isCancelled: boolean;
  /** States in the batch system by index; empty without one. */
  readonly outside: ReadonlyMap<number, OutsideState>;
}

/** Facts from the files of a unit. */
interface UnitFiles {
  readonly attempt: number;
  /** Outcome of that attempt. */
  readonly outcome: UnitOutcome | undefined;
  readonly claim: FoundClaim | undefined;
}

async function readUnitFiles(files: SharedFiles, folder: string): Promise<UnitFiles> {
  const names = await files.list(workFolder(folder));
  const attempt = highestAttempt(names);
  const outcome = names.includes(OUTCOME_FILE) ? await readOutcome(files, folder) : undefined;
  const claim = outcome === undefined && attempt > 0 ? await readClaim(files, folder, attempt) : undefined;
  return { attempt, outcome, claim };
}

function stateOf({ outcome, claim }: UnitFiles, look: Look, outside: OutsideState | undefined): UnitState {
  if (outcome !== undefined) return outcome.status;
  const liveness = claim === undefined ? 'released' : livenessOf(claim, look);
  if (liveness === 'alive') return 'running';
  if (outside !== undefined && !look.isCancelled) return 'queued';
  if (look.isCancelled) return 'cancelled';
  return liveness === 'dead' ? 'lost' : 'waiting';
}

/** The state that follows from the files of a unit. */
function reportOf(
  { list, place, found }: { readonly list: Units; readonly place: number; readonly found: UnitFiles },
  look: Look,
): UnitReport {
  const { folder, arm, fold, seed, label } = list.units[place] as ListedUnit;
  const outside = look.outside.get(place);
  const state = stateOf(found, look, outside);
  const { outcome, claim, attempt } = found;
  return {
    folder,
    arm,
    fold,
    seed,
    label,
    place,
    state,
    attempt,
    node: outcome?.node ?? claim?.record?.node ?? outside?.node ?? null,
    job: claim?.record?.job ?? outside?.job ?? null,
    progress: state === 'running' ? (claim?.record?.progress ?? null) : null,
    timingsSeconds: outcome?.timingsSeconds ?? claim?.record?.timingsSeconds ?? {},
    ...(outcome?.training && { training: outcome.training }),
    error: outcome?.error ?? null,
    queuedFor: state === 'queued' ? (outside?.reason ?? null) : null,
  };
}

/** State of a unit. */
export async function readUnitState(
  files: SharedFiles,
  { study, list, place }: { readonly study: string; readonly list: Units; readonly place: number },
  look: Look,
): Promise<UnitReport> {
  const found = await readUnitFiles(files, `${study}/${list.units[place]?.folder}`);
  return reportOf({ list, place, found }, look);
}

/**
 * States of all units of a study. If all have ended, nothing is written into the folder, which may be a read-only
 * archive.
 */
export async function readStates(
  { files, machine }: { readonly files: SharedFiles; readonly machine: Pick<Machine, 'hasEnded'> },
  { study, list }: { readonly study: string; readonly list: Units },
  outside: Look['outside'] = new Map(),
): Promise<readonly UnitReport[]> {
  const isCancelled = await files.exists(cancelledPath(study));
  const all = await Promise.all(list.units.map(({ folder }) => readUnitFiles(files, `${study}/${folder}`)));
  // only claims need the file system's clock, which is read by writing a file
  const nowMs = all.some(({ claim }) => claim !== undefined) ? await files.nowMs(study) : 0;
  const look: Look = { machine, nowMs, isCancelled, outside };
  return all.map((found, place) => reportOf({ list, place, found }, look));
}

/** Number of units by state. */
export function countStates(reports: readonly UnitReport[]): Readonly<Record<UnitState, number>> {
  const counts = UNIT_STATES.map(state => [state, reports.filter(report => report.state === state).length] as const);
  return Object.fromEntries(counts) as Record<UnitState, number>;
}

/** The units to start automatically: waiting ones, and lost ones unless they were lost too often. */
export function unitsToRestart(reports: readonly UnitReport[]): readonly number[] {
  return reports
    .filter(({ state, attempt }) => state === 'waiting' || (state === 'lost' && attempt < MOST_ATTEMPTS))
    .map(({ place }) => place);
}
