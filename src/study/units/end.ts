/** How the work on a unit came to an end, here or elsewhere. */
import { InputError, isErrorCode, VoxstillError, WorkError } from '../../core/errors.ts';
import type { UnitOutcome } from './outcome.ts';

/**
 * done: its results are there; failed: it said itself why; held: another process is at it; unfinished: nobody is at it, for the reason
 * that is given.
 */
export type UnitEnd =
  | { readonly status: 'done' }
  | {
      readonly status: 'failed' | 'held' | 'unfinished';
      readonly error: NonNullable<UnitOutcome['error']>;
      /** The error itself, where the work was done in this process. */
      readonly cause?: unknown;
      /** When the holder last showed that it lives, by the file system's clock. */
      readonly beatAtMs?: number;
    };

/** A unit that did not come to its results. */
export interface Shortfall {
  readonly label: string;
  readonly end: Exclude<UnitEnd, { readonly status: 'done' }>;
}

/** One line for people. */
export function shortfallText({ label, end: { status, error } }: Shortfall): string {
  return `${label} ${status === 'failed' ? 'failed' : 'is not finished'}: ${error.code}: ${error.message}`;
}

/**
 * The error of a study of which units did not come to their results: that of the unit where there is one alone, so that its code and
 * exit code are the command's.
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
