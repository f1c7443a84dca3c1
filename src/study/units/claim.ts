/**
 * Who works on a unit: claims in `UNIT/work`, on a folder that many machines share. Attempt n is the file `claim-<n>.json`, made so that of all who
 * try exactly one succeeds; the highest number owns the unit, and so is the token that fences off the others. An owner rewrites its claim as a
 * heartbeat. One that has not been rewritten for a lease, or whose process is known to have ended, is taken over by making the next number.
 * An owner that comes back from the dead after that finds the higher number before its next file takes the place of another, see
 * {@link guardFiles}. Times are compared by the file system's clock alone.
 */
import { z } from 'zod';
import { InputError, WorkError } from '../../core/errors.ts';
import type { Laboratory } from '../../experiment/laboratory.ts';
import type { Machine } from '../../experiment/machine.ts';
import type { Files, SharedFiles } from '../../runtime/files.ts';
import { formatJson, parseJsonIf, readText, writeJson } from '../../runtime/json-file.ts';

/** Without a heartbeat for so long, an owner counts as dead. */
export const LEASE_MS = 60_000;
/** More attempts than any unit can have had: a number beyond is of no claim that was made here. */
const MOST_CLAIMS = 1e9;

const claimSchema = z.object({
  attempt: z.int(),
  node: z.string(),
  host: z.string(),
  pid: z.int(),
  start: z.string().nullable(),
  job: z.string().nullable(),
  /** By the owner's clock, for people. */
  startedAt: z.string(),
  heartbeatAt: z.string(),
  /** Its owner has let go of it; it is nobody's. */
  isReleased: z.boolean(),
  /** What the owner is at, and how far; null between two tasks. */
  progress: z
    .object({
      stage: z.string(),
      done: z.number(),
      total: z.number(),
      unit: z.string(),
      secondsPerStep: z.number().nullable(),
      etaSeconds: z.number().nullable(),
    })
    .nullable(),
  /** By stage, of this attempt and those before it. */
  timingsSeconds: z.record(z.string(), z.number()),
  /** By stage: the share of a training's time in which the engine waited for a batch. */
  waitingShares: z.record(z.string(), z.number()),
});

/** What a claim says. */
type ClaimRecord = z.output<typeof claimSchema>;

/** What changes in a claim from heartbeat to heartbeat. */
export type Heartbeat = Pick<ClaimRecord, 'progress' | 'timingsSeconds' | 'waitingShares'>;

/** The claim that counts. */
export interface FoundClaim {
  readonly attempt: number;
  /** undefined where it is only just being written. */
  readonly record: ClaimRecord | undefined;
  readonly modifiedMs: number;
}

/** Folder of a unit that holds how the work on it goes, and nothing of its results. */
export function workFolder(unit: string): string {
  return `${unit}/work`;
}

function claimPath(unit: string, attempt: number): string {
  return `${workFolder(unit)}/claim-${attempt}.json`;
}

/** What an attempt said, where it runs in a process of its own. */
export function logPath(unit: string, attempt: number): string {
  return `${workFolder(unit)}/log-${attempt}.txt`;
}

/** The numbers of a unit's claims among the names in its `work` folder; 0 where there is none. */
export function highestAttempt(names: readonly string[]): number {
  const attempts = names.map(name => Number(/^claim-(\d+)\.json$/.exec(name)?.[1] ?? 0));
  const absurd = names[attempts.findIndex(attempt => attempt > MOST_CLAIMS)];
  if (absurd !== undefined) {
    throw new InputError(
      'E_CLAIM',
      `${absurd} is no claim that voxstill has made. Remove it from the unit's work folder.`,
    );
  }
  return attempts.reduce((highest, attempt) => Math.max(highest, attempt), 0);
}

/**
 * Reads one claim.
 * @returns undefined where it does not exist
 */
export async function readClaim(files: SharedFiles, unit: string, attempt: number): Promise<FoundClaim | undefined> {
  const path = claimPath(unit, attempt);
  const modifiedMs = await files.modifiedMs(path);
  if (modifiedMs === undefined) return undefined;
  // one that is made but not yet written says nothing
  return { attempt, record: parseJsonIf(await readText(files, path), claimSchema), modifiedMs };
}

/** What the owner of a claim is doing: `alive` holds the unit; nobody does where it is `released` or `dead`. */
export type Liveness = 'alive' | 'released' | 'dead';

/** @param nowMs by the file system's clock */
export function livenessOf(
  { record, modifiedMs }: FoundClaim,
  { machine, nowMs }: { readonly machine: Pick<Machine, 'hasEnded'>; readonly nowMs: number },
): Liveness {
  if (record?.isReleased === true) return 'released';
  if (record !== undefined && machine.hasEnded(record)) return 'dead';
  // a time in the future is of a clock that was wrong or set back; a living owner would have replaced it at its next heartbeat
  return Math.abs(nowMs - modifiedMs) > LEASE_MS ? 'dead' : 'alive';
}

/** How the owner of a claim is called in messages. */
export function ownerText({ attempt, record }: FoundClaim): string {
  if (record === undefined) return `attempt ${attempt}`;
  const job = record.job === null ? '' : `, job ${record.job}`;
  return `attempt ${attempt} on ${record.node} (process ${record.pid}${job})`;
}

/** A unit that this process owns, as long as nobody takes it over. */
export interface Claim {
  readonly attempt: number;
  /** What the attempts before this one spent. */
  readonly earlier: Pick<Heartbeat, 'timingsSeconds' | 'waitingShares'>;
  /** @throws {WorkError} E_CLAIM_LOST if the unit has another owner by now, or is gone */
  assertHeld(): Promise<void>;
  /** Shows that the owner lives, and what it is at. Throws as assertHeld. */
  beat(heartbeat: Heartbeat): Promise<void>;
  /** Lets go of the unit, unless somebody else has it by now. */
  release(heartbeat: Heartbeat): Promise<void>;
}

/** The claim as its owner sees it. */
function ownClaim({ files, machine }: Pick<Laboratory, 'files' | 'machine'>, unit: string, first: ClaimRecord): Claim {
  const { attempt, timingsSeconds, waitingShares } = first;
  const highest = async (): Promise<number> => highestAttempt(await files.list(workFolder(unit)));
  const assertHeld = async (): Promise<void> => {
    const now = await highest();
    if (now === attempt) return;
    const reason = now > attempt ? `attempt ${now} has taken it over` : 'its claim is gone';
    throw new WorkError(
      'E_CLAIM_LOST',
      `attempt ${attempt} no longer owns ${unit}: ${reason}. It has written nothing since then.`,
    );
  };
  const rewrite = (heartbeat: Heartbeat, isReleased: boolean): Promise<void> =>
    writeJson(files, claimPath(unit, attempt), { ...first, ...heartbeat, heartbeatAt: machine.now(), isReleased });
  return {
    attempt,
    earlier: { timingsSeconds, waitingShares },
    assertHeld,
    beat: async heartbeat => {
      await assertHeld();
      await rewrite(heartbeat, false);
    },
    release: async heartbeat => {
      if ((await highest()) === attempt) await rewrite(heartbeat, true);
    },
  };
}

/** What comes of asking for a unit: it is ours now, or somebody else's. */
export type Taken = { readonly claim: Claim } | { readonly heldBy: FoundClaim };

/**
 * Takes a unit that nobody holds.
 * @param unit its folder
 */
export async function takeClaim(laboratory: Pick<Laboratory, 'files' | 'machine'>, unit: string): Promise<Taken> {
  const { files, machine } = laboratory;
  const nothing = { timingsSeconds: {}, waitingShares: {} };
  for (;;) {
    const last = highestAttempt(await files.list(workFolder(unit)));
    const found = last === 0 ? undefined : await readClaim(files, unit, last);
    if (found !== undefined) {
      const nowMs = await files.nowMs(workFolder(unit));
      if (livenessOf(found, { machine, nowMs }) === 'alive') return { heldBy: found };
    }
    const { timingsSeconds, waitingShares } = found?.record ?? nothing;
    const now = machine.now();
    const record: ClaimRecord = {
      attempt: last + 1,
      ...machine.owner,
      startedAt: now,
      heartbeatAt: now,
      isReleased: false,
      progress: null,
      timingsSeconds,
      waitingShares,
    };
    // where somebody was faster, theirs is looked at next
    if (await files.create(claimPath(unit, last + 1), formatJson(record))) {
      return { claim: ownClaim(laboratory, unit, record) };
    }
  }
}

/** Files that are written and removed only as long as a claim is held. */
export function guardFiles(files: SharedFiles, claim: Pick<Claim, 'assertHeld'>): SharedFiles {
  const guarded: SharedFiles = {
    ...files,
    write: (path, data, confirm) =>
      files.write(path, data, async () => {
        await claim.assertHeld();
        await confirm?.();
      }),
    create: async (path, data) => {
      await claim.assertHeld();
      return files.create(path, data);
    },
    remove: async path => {
      await claim.assertHeld();
      await files.remove(path);
    },
  };
  return guarded satisfies Files;
}
