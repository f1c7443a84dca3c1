/**
 * The errors a user can meet. Each has a stable code and one readable message that says what was asked, what was got,
 * where, and what to do. The exit code of the program follows from the class: 2 for wrong usage or invalid input, 1 for
 * failed work.
 */

import { ERROR_CODES, type WARNING_CODES } from './error-codes.ts';

/** Stable identifier of an error, for scripts and searches. */
export type ErrorCode = keyof typeof ERROR_CODES;

/** Stable identifier of a warning. */
export type WarningCode = keyof typeof WARNING_CODES;

/** Whether text that comes from a file or another process is a code of this version. */
export function isErrorCode(text: string): text is ErrorCode {
  return Object.hasOwn(ERROR_CODES, text);
}

/** Base of every error that is meant for people. */
export abstract class VoxstillError extends Error {
  abstract readonly exitCode: 1 | 2;
  readonly code: ErrorCode;

  constructor(code: ErrorCode, message: string, options?: { readonly cause?: unknown }) {
    super(message, options);
    this.name = new.target.name;
    this.code = code;
  }
}

/** Wrong usage or invalid input: a flag, a recipe, a file (exit code 2). */
export class InputError extends VoxstillError {
  readonly exitCode = 2;
}

/** The work itself failed or found problems, for example a loss that is not finite (exit code 1). */
export class WorkError extends VoxstillError {
  readonly exitCode = 1;
}

/** Tensor shapes that do not fit together, in a public function (exit code 2). */
export class ShapeError extends InputError {
  constructor(message: string) {
    super('E_SHAPE', message);
  }
}

/** Throws if an assumption of this code is wrong, which is a bug and never the user's fault. */
export function invariant(condition: boolean, message: string): asserts condition {
  if (!condition) throw new Error(`internal: ${message}`);
}
