/** Ways in which a unit ends, here or elsewhere. */
import { InputError, isErrorCode, VoxstillError, WorkError } from '../../core/errors.ts';
import type { UnitOutcome } from './outcome.ts';

/**
 * done: it has results. failed: it reported an error. held: another process runs it. unfinished: no process runs it,
 * for the given reason.
 */
export type UnitEnd =
  | { readonly status: 'done' }
  | {
      readonly status: 'failed' | 'held' | 'unfinished';
      readonly error: NonNullable<UnitOutcome['error']>;
      /** The error itself, if the unit ran in this process. */
      readonly cause?: unknown;
      /** Time of the holder's last heartbeat, by the file system's clock. */
      readonly beatAtMs?: number;
    };

/** A unit without results. */
export interface Shortfall {
  readonly label: string;
  readonly end: Exclude<UnitEnd, { readonly status: 'done' }>;
}

/** The end in one line for people. */
export function shortfallText({ label, end: { status, error } }: Shortfall): string {
  return `${label} ${status === 'failed' ? 'failed' : 'is not finished'}: ${error.code}: ${error.message}`;
}

/**
 * The error of a study with units without results: the error of the unit if there is only one, so that its code and
 * exit code become those of the command.
 */
export function shortfallError(shortfalls: readonly [Shortfall, ...Shortfall[]]): Error {
  const [first, ...more] = shortfalls;
  const { error, cause } = first.end;
  if (more.length > 0) return new WorkError('E_UNITS', shortfalls.map(shortfallText).join('\n'));
  if (cause instanceof Error && !(cause instanceof VoxstillError)) return cause;
  const message = `${first.label}: ${error.message}`;
  const Kind = cause instanceof InputError ? InputError : WorkError;
  return new Kind(isErrorCode(error.code) ? error.code : 'E_INTERNAL', message, { cause });
}
