/** What failed among several volumes or cases that are worked through, while the others went on. */
import { type ErrorCode, VoxstillError } from '../core/errors.ts';
import type { PlausibilityWarning } from '../inference/plausibility/bounds.ts';
import { ImplausibleError } from './plausible.ts';

interface Failure {
  readonly code: ErrorCode;
  readonly message: string;
  /** With E_IMPLAUSIBLE: what is far from the training cases, with its figures. */
  readonly warnings?: readonly PlausibilityWarning[];
}

/** A volume, one of several, that could not be segmented. */
export interface PredictionFailure extends Failure {
  readonly inputs: readonly string[];
}

/** A case of an evaluation that could not be read or segmented. */
export interface CaseFailure extends Failure {
  readonly id: string;
}

/** Code and message of an error; one that is not meant for people is E_INTERNAL. */
export function describeFailure(error: unknown): Failure {
  if (error instanceof ImplausibleError) {
    const { code, message, warnings } = error;
    return { code, message, warnings };
  }
  if (error instanceof VoxstillError) return { code: error.code, message: error.message };
  const message = error instanceof Error ? error.message : String(error);
  return { code: 'E_INTERNAL', message: `${message}. This is a bug in voxstill; please report it.` };
}
