/** A problem or warning about a data set, which does not stop the check. */
import type { ErrorCode, WarningCode } from '../core/errors.ts';

export interface Finding {
  /** Code: `E_` makes the data set unusable until it is corrected; `W_` does not. */
  readonly code: ErrorCode | WarningCode;
  readonly caseId?: string;
  /** Path of the file. */
  readonly file?: string;
  /** The problem in one sentence. */
  readonly message: string;
  /** What to do, in one sentence. */
  readonly advice: string;
}

/** A finding that makes the data set unusable. */
export type DataProblem = Finding & { readonly code: ErrorCode };

/** Whether a finding makes the data set unusable. */
export function isProblem(finding: Finding): finding is DataProblem {
  const { code } = finding;
  return code.startsWith('E_');
}
