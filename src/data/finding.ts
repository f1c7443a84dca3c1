/** Something that a person should know about a data set, found without stopping at it. */
import type { ErrorCode, WarningCode } from '../core/errors.ts';

export interface Finding {
  /** `E_` makes a data set unfit as it is; `W_` does not. */
  readonly code: ErrorCode | WarningCode;
  readonly caseId?: string;
  /** Path as the program reads it. */
  readonly file?: string;
  /** What is wrong, one sentence. */
  readonly message: string;
  /** What to do about it, one sentence. */
  readonly advice: string;
}

/** A finding that makes the data set unfit as it is. */
export type Problem = Finding & { readonly code: ErrorCode };

/** Whether a finding makes the data set unfit as it is. */
export function isProblem(finding: Finding): finding is Problem {
  const { code } = finding;
  return code.startsWith('E_');
}
