/**
 * What a coarser grid costs at best: the Dice of a network that makes no mistake on it. The reference labels of a case
 * are resampled to the grid as for training, and back as a prediction is: the class with the largest share by linear
 * interpolation.
 */

import { type Dataset, isLabelled } from '../data/dataset.ts';
import { loadCase } from '../data/loaded-case.ts';
import type { VolumeSources } from '../data/volume-file.ts';
import { countOverlap, diceOf } from '../metrics/overlap.ts';
import { meanOf } from '../metrics/statistics.ts';
import type { Progress } from '../runtime/progress.ts';
import { labelsToCanonical } from '../volume/orientation.ts';
import { resampleLabelsToSize, resampleLabelsToSpacing } from '../volume/resample.ts';
import type { Xyz } from '../volume/volume.ts';

/** Cases that are looked at, at most, evenly spread over the list. */
const MOST_CASES = 12;

export interface SpacingCeiling {
  /** Number of cases that were looked at. */
  readonly cases: number;
  /** Mean Dice by class over those that have it; null for a class that none has. */
  readonly dice: Readonly<Record<string, number | null>>;
}

export interface CeilingOptions {
  readonly spacingMm: Xyz;
  readonly progress: Progress;
  readonly signal?: AbortSignal;
}

/**
 * The Dice that labels keep on a coarser grid.
 * @throws {InputError} as loadCase
 */
export async function spacingCeiling(
  sources: VolumeSources,
  dataset: Dataset,
  { spacingMm, progress, signal }: CeilingOptions,
): Promise<SpacingCeiling> {
  const labelled = dataset.cases.filter(isLabelled);
  const step = Math.max(1, labelled.length / MOST_CASES);
  const chosen = labelled.filter((_, index) => Math.floor(index / step) !== Math.floor((index - 1) / step));
  const classes = dataset.labels.filter(({ value }) => value !== 0);
  const values = classes.map(({ value, region }) => region ?? value);
  const scores = classes.map((): number[] => []);
  const task = progress.task('measuring labels on the coarser grid', chosen.length, 'case');
  for (const [index, item] of chosen.entries()) {
    signal?.throwIfAborted();
    const { image, label } = await loadCase(sources, dataset, item);
    if (label !== undefined) {
      const own = labelsToCanonical(label, image);
      const coarse = resampleLabelsToSpacing(own, spacingMm, 'nearest');
      const back = resampleLabelsToSize(coarse, own.sizeVoxels, 'linear');
      for (const [place, overlap] of countOverlap(own.data, back.data, values).entries()) {
        if (overlap.reference > 0) scores[place]?.push(diceOf(overlap) ?? 0);
      }
    }
    task.update(index + 1);
  }
  task.finish();
  return {
    cases: chosen.length,
    dice: Object.fromEntries(
      classes.map(({ name }, place) => [name, scores[place]?.length === 0 ? null : meanOf(scores[place] as number[])]),
    ),
  };
}
