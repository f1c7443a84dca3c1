/**
 * Where units stand, from what is in the folder and what a batch system says: for anybody on the shared folder, whoever started them and whether
 * or not that still runs.
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
 * waiting: nobody is at it; queued: a batch system will start it; lost: whoever was at it vanished; cancelled: nobody is at it, and none of
 * the study is to go on.
 */
export const UNIT_STATES = ['waiting', 'queued', 'running', 'done', 'failed', 'lost', 'cancelled'] as const;
export type UnitState = (typeof UNIT_STATES)[number];

/** Where a unit stands. */
export interface UnitReport extends Omit<ListedUnit, 'teacher'> {
  /** In the list of the study. */
  readonly place: number;
  readonly state: UnitState;
  /** Of the last one; 0 where there was none. */
  readonly attempt: number;
  /** Where it runs or ran. */
  readonly node: string | null;
  /** The batch system's name of it. */
  readonly job: string | null;
  /** What a running one is at. */
  readonly progress: Heartbeat['progress'];
  /** By stage. */
  readonly timingsSeconds: Readonly<Record<string, number>>;
  /** Why it failed. */
  readonly error: NonNullable<UnitOutcome['error']> | null;
  /** Why it is queued, as the batch system says it. */
  readonly queuedFor: string | null;
}

export interface Look {
  readonly machine: Pick<Machine, 'hasEnded'>;
  /** By the clock of the file system. */
  readonly nowMs: number;
  readonly isCancelled: boolean;
  /** By place: what a batch system says; empty where there is none. */
  readonly outside: ReadonlyMap<number, OutsideState>;
}

/** What the files of a unit say. */
interface UnitFiles {
  readonly attempt: number;
  /** Of that attempt. */
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

/** Where a unit stands whose files say this. */
function reportOf(
  { list, place, found }: { readonly list: Units; readonly place: number; readonly found: UnitFiles },
  look: Look,
): UnitReport {
  const { teacher: _teacher, ...unit } = list.units[place] as ListedUnit;
  const outside = look.outside.get(place);
  const state = stateOf(found, look, outside);
  const { outcome, claim, attempt } = found;
  return {
    ...unit,
    place,
    state,
    attempt,
    node: outcome?.node ?? claim?.record?.node ?? outside?.node ?? null,
    job: claim?.record?.job ?? outside?.job ?? null,
    progress: state === 'running' ? (claim?.record?.progress ?? null) : null,
    timingsSeconds: outcome?.timingsSeconds ?? claim?.record?.timingsSeconds ?? {},
    error: outcome?.error ?? null,
    queuedFor: state === 'queued' ? (outside?.reason ?? null) : null,
  };
}

/** Where a unit stands. */
export async function readUnitState(
  files: SharedFiles,
  { study, list, place }: { readonly study: string; readonly list: Units; readonly place: number },
  look: Look,
): Promise<UnitReport> {
  const found = await readUnitFiles(files, `${study}/${list.units[place]?.folder}`);
  return reportOf({ list, place, found }, look);
}

/** Where all units of a study stand. Where all have ended nothing is written into the folder, which may be an archive that only gives. */
export async function readStates(
  { files, machine }: { readonly files: SharedFiles; readonly machine: Pick<Machine, 'hasEnded'> },
  { study, list }: { readonly study: string; readonly list: Units },
  outside: Look['outside'] = new Map(),
): Promise<readonly UnitReport[]> {
  const isCancelled = await files.exists(cancelledPath(study));
  const all = await Promise.all(list.units.map(({ folder }) => readUnitFiles(files, `${study}/${folder}`)));
  // only claims have an age, and the file system's clock is read by writing
  const nowMs = all.some(({ claim }) => claim !== undefined) ? await files.nowMs(study) : 0;
  const look: Look = { machine, nowMs, isCancelled, outside };
  return all.map((found, place) => reportOf({ list, place, found }, look));
}

/** Units by state. */
export function countStates(reports: readonly UnitReport[]): Readonly<Record<UnitState, number>> {
  const counts = UNIT_STATES.map(state => [state, reports.filter(report => report.state === state).length] as const);
  return Object.fromEntries(counts) as Record<UnitState, number>;
}

/** The units that whoever sees to a study starts again by itself: those that nobody is at, unless they vanish again and again. */
export function unitsToRestart(reports: readonly UnitReport[]): readonly number[] {
  return reports
    .filter(({ state, attempt }) => state === 'waiting' || (state === 'lost' && attempt < MOST_ATTEMPTS))
    .map(({ place }) => place);
}
