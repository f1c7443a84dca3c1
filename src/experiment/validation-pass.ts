/**
 * Shows the probabilities of a finished model on every validation case, with the reference, to those who choose
 * something by them. Slices come and go, so no volume of probabilities is kept.
 */
import { InputError } from '../core/errors.ts';
import type { CaseFiles } from '../data/case-list.ts';
import type { Dataset } from '../data/dataset.ts';
import { loadCase } from '../data/loaded-case.ts';
import { segmentCascade } from '../inference/cascade.ts';
import type { WindowChoice } from '../inference/sliding-window.ts';
import type { LabelVolume } from '../volume/volume.ts';
import type { Laboratory } from './laboratory.ts';
import type { OpenCascade } from './open-cascade.ts';

/** Somebody who looks at the validation cases, one after another. */
export interface ValidationObserver {
  /** Whether it looks at cases alone in which every class was looked for; at all if not given. */
  readonly needsAllClasses?: boolean;
  /** Whether it looks at what a model says alone, and not at what lies around the region of a cascade. */
  readonly needsOwnWords?: boolean;
  /**
   * A case begins.
   * @param annotated values of the classes that were looked for; all if not given
   */
  begin(reference: LabelVolume, annotated?: readonly number[]): void;
  /**
   * A slice of the case; both are valid only during the call.
   * @param probabilities [K, plane]
   * @param places index of each voxel of the plane in the volume
   */
  slice(probabilities: Float32Array, places: Int32Array): void;
  /** The case has ended. */
  end(): void;
}

/**
 * Segments every validation case once.
 * @param options.cases with references
 * @throws as loadCase and segmentCascade
 */
export async function observeValidation(
  laboratory: Laboratory,
  options: {
    /** One model, and what finds its region if it has one. */
    readonly cascade: OpenCascade;
    readonly dataset: Dataset;
    readonly cases: readonly CaseFiles[];
    readonly window: WindowChoice;
    /** Label of the progress bar. */
    readonly label: string;
    readonly signal?: AbortSignal | undefined;
  },
  observers: readonly ValidationObserver[],
): Promise<void> {
  const { cascade, dataset, cases, window, label, signal } = options;
  const task = laboratory.progress.task(label, cases.length, 'case');
  for (const [index, item] of cases.entries()) {
    signal?.throwIfAborted();
    const { id, image, label: reference } = await loadCase(laboratory, dataset, item);
    if (reference === undefined) throw new InputError('E_NO_REFERENCE', `case "${id}" has no reference.`);
    const present = observers.filter(one => item.annotated === undefined || one.needsAllClasses !== true);
    for (const observer of present) observer.begin(reference, item.annotated);
    await segmentCascade(cascade.models, image, {
      ...window,
      coarse: cascade.coarse,
      id,
      postprocess: false,
      onSlice: (probabilities, places) => {
        for (const observer of present) observer.slice(probabilities, places);
      },
      onSurroundings: (probabilities, places) => {
        for (const observer of present) if (observer.needsOwnWords !== true) observer.slice(probabilities, places);
      },
      ...(signal && { signal }),
    });
    for (const observer of present) observer.end();
    task.update(index + 1);
  }
  task.finish();
}
