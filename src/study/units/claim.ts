/**
 * Claims decide which process runs a unit. They are files in `UNIT/work`, in a folder that many machines may share.
 * Attempt n is the file `claim-<n>.json`; if several processes try to create it, exactly one succeeds. The highest
 * number owns the unit and is the fencing token against older attempts. An owner rewrites its claim as a heartbeat. If
 * a claim has not been rewritten for a lease, or its process is known to have ended, another process takes over by
 * creating the next number. An owner that was suspended and comes back finds the higher number before it replaces any
 * file, see {@link guardFiles}. Times are compared by the clock of the file system only.
 */
import { z } from 'zod';
import { InputError, WorkError } from '../../core/errors.ts';
import type { Laboratory } from '../../experiment/laboratory.ts';
import type { Machine } from '../../experiment/machine.ts';
import type { Files, SharedFiles } from '../../runtime/files.ts';
import { formatJson, parseJsonIf, readText, writeJson } from '../../runtime/json-file.ts';

/** Time without a heartbeat after which an owner counts as dead. */
export const LEASE_MS = 60_000;

/** Interval between looks at a unit that another process holds, ms. */
export const HELD_INTERVAL_MS = 2000;
/** More attempts than any unit can have had; a claim with a higher number is not one of ours. */
const MOST_CLAIMS = 1e9;

const claimSchema = z.object({
  attempt: z.int(),
  node: z.string(),
  host: z.string(),
  pid: z.int(),
  start: z.string().nullable(),
  job: z.string().nullable(),
  /** Start time by the owner's clock, for people. */
  startedAt: z.string(),
  heartbeatAt: z.string(),
  /** Whether the owner has released it. */
  isReleased: z.boolean(),
  /** Current task of the owner and its progress; null between two tasks. */
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
  /** Seconds by stage, of this attempt and those before it. */
  timingsSeconds: z.record(z.string(), z.number()),
  /** Fraction of a training's time in which the engine waited for a batch, by stage. */
  waitingShares: z.record(z.string(), z.number()),
});

/** Content of a claim. */
type ClaimRecord = z.output<typeof claimSchema>;

/** Fields of a claim that change from heartbeat to heartbeat. */
export type Heartbeat = Pick<ClaimRecord, 'progress' | 'timingsSeconds' | 'waitingShares'>;

/** The claim with the highest number. */
export interface FoundClaim {
  readonly attempt: number;
  /** Content; undefined while it is still being written. */
  readonly record: ClaimRecord | undefined;
  readonly modifiedMs: number;
}

/** Folder of a unit with its state, without results. */
export function workFolder(unit: string): string {
  return `${unit}/work`;
}

function claimPath(unit: string, attempt: number): string {
  return `${workFolder(unit)}/claim-${attempt}.json`;
}

/** Log file of an attempt that runs in its own process. */
export function logPath(unit: string, attempt: number): string {
  return `${workFolder(unit)}/log-${attempt}.txt`;
}

/** Number of the highest claim among the names in the `work` folder of a unit; 0 if there is none. */
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
 * @returns undefined if it does not exist
 */
export async function readClaim(files: SharedFiles, unit: string, attempt: number): Promise<FoundClaim | undefined> {
  const path = claimPath(unit, attempt);
  const modifiedMs = await files.modifiedMs(path);
  if (modifiedMs === undefined) return undefined;
  // a claim that is created but not yet written is empty
  return { attempt, record: parseJsonIf(await readText(files, path), claimSchema), modifiedMs };
}

/** State of the owner of a claim: only an `alive` owner holds the unit. */
export type Liveness = 'alive' | 'released' | 'dead';

/** @param nowMs by the file system's clock */
export function livenessOf(
  { record, modifiedMs }: FoundClaim,
  { machine, nowMs }: { readonly machine: Pick<Machine, 'hasEnded'>; readonly nowMs: number },
): Liveness {
  if (record?.isReleased === true) return 'released';
  if (record !== undefined && machine.hasEnded(record)) return 'dead';
  // a time in the future comes from a clock that was wrong or set back; a living owner would have replaced it at its
  // next heartbeat
  return Math.abs(nowMs - modifiedMs) > LEASE_MS ? 'dead' : 'alive';
}

/** Description of the owner of a claim for messages. */
export function ownerText({ attempt, record }: FoundClaim): string {
  if (record === undefined) return `attempt ${attempt}`;
  const job = record.job === null ? '' : `, job ${record.job}`;
  return `attempt ${attempt} on ${record.node} (process ${record.pid}${job})`;
}

/** A unit that this process owns until another process takes it over. */
export interface Claim {
  readonly attempt: number;
  /** Time that earlier attempts spent. */
  readonly earlier: Pick<Heartbeat, 'timingsSeconds' | 'waitingShares'>;
  /** @throws {WorkError} E_CLAIM_LOST if the unit has another owner, or its claim is gone */
  assertHeld(): Promise<void>;
  /** Heartbeat: shows that the owner is alive, and its progress. Throws as assertHeld. */
  beat(heartbeat: Heartbeat): Promise<void>;
  /** Releases the unit, unless another process owns it. */
  release(heartbeat: Heartbeat): Promise<void>;
}

/** The claim in the hands of its owner. */
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

/** Result of claiming a unit: it is owned by this process, or held by another. */
export type Taken = { readonly claim: Claim } | { readonly heldBy: FoundClaim };

/**
 * Claims a unit that no process holds.
 * @param unit folder of the unit
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
    // another process was faster; look at its claim next
    if (await files.create(claimPath(unit, last + 1), formatJson(record))) {
      return { claim: ownClaim(laboratory, unit, record) };
    }
  }
}

/** Wraps files so that they are written and removed only while a claim is held. */
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
