/** Whether a result is like the training cases of the models that gave it: volumes and places of its classes. */
import { classPlacesMm } from '../../metrics/class-places.ts';
import type { LabelVolume } from '../../volume/volume.ts';
import type { ModelLabel } from '../model-info.ts';
import type { Expectation, PlausibilityWarning } from './bounds.ts';
import { placeWarnings } from './class-places.ts';
import { volumeWarnings } from './class-volumes.ts';

/** A result with the classes of its models. */
export interface Result {
  readonly labels: LabelVolume;
  readonly classes: readonly ModelLabel[];
  readonly volumesMl: Readonly<Record<string, number>>;
}

/** Compares a result with the training cases of the models that gave it. @param id of the volume, for messages */
export function resultWarnings(
  { labels, classes, volumesMl }: Result,
  models: readonly Expectation[],
  id: string,
): readonly PlausibilityWarning[] {
  return [
    ...volumeWarnings(volumesMl, models, id),
    ...placeWarnings(axes => classPlacesMm(labels, classes, axes), models, id),
  ];
}
