/** Holds images and results against the training cases of the models that are used; with `strict`, far is an error. */
import { WorkError } from '../core/errors.ts';
import type { Expectation, PlausibilityWarning } from '../inference/plausibility/bounds.ts';
import type { ModelFile } from './model-file.ts';

/** An image or a result that is far from what the models were trained on (E_IMPLAUSIBLE). */
export class ImplausibleError extends WorkError {
  readonly warnings: readonly PlausibilityWarning[];

  constructor(warnings: readonly PlausibilityWarning[]) {
    super('E_IMPLAUSIBLE', warnings.map(({ code, message }) => `${code}: ${message}`).join(' '));
    this.warnings = warnings;
  }
}

/** What models expect, by their metadata. */
export function expectationsOf(files: readonly Pick<ModelFile, 'info' | 'metadata'>[]): readonly Expectation[] {
  return files.map(({ info, metadata: { training } }) => ({ info, training }));
}

/** @throws {ImplausibleError} if there are warnings */
export function assertPlausible(warnings: readonly PlausibilityWarning[]): void {
  if (warnings.length > 0) throw new ImplausibleError(warnings);
}
