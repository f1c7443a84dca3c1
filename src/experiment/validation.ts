/** Mean Dice of a network in training over whole validation volumes. */
import type { Triple } from '../core/shape.ts';
import { type Tensor, tensor } from '../core/tensor.ts';
import type { TrainingCase } from '../data/loader.ts';
import { labelsFromProbabilities } from '../inference/probabilities.ts';
import { slidingWindow } from '../inference/sliding-window.ts';
import { withoutIgnored } from '../metrics/ignored.ts';
import { type ClassValues, countOverlap, diceOf, type Overlap } from '../metrics/overlap.ts';
import { meanOf } from '../metrics/statistics.ts';
import type { Session } from '../runtime/engine.ts';
import { createLabels } from '../volume/volume.ts';
import { type ArmOptions, activationOf, regionsOf } from './arm-options.ts';
import { logitChannels, patchShape } from './arm-plan.ts';

/** Of a case in which there is no region to look at. */
const NOTHING: Overlap = { reference: 0, prediction: 0, intersection: 0 };

/**
 * Mean Dice of a network in training over whole validation volumes. It cannot be interrupted, since a resumed run must
 * have the same scores.
 */
export function validator(
  options: ArmOptions,
  { session, output }: { readonly session: Session; readonly output: Triple },
): (theta: Float32Array) => Promise<number> {
  const { data, recipe } = options;
  const activation = activationOf(recipe);
  const classes = logitChannels(recipe, data.dataset.labels.length);
  const foreground = data.dataset.labels.filter(({ value }) => value > 0);
  const kind = regionsOf(data) === undefined ? activation : 'regions';
  const values = [0, ...foreground.map(({ value }) => value)];
  const largest = Math.max(...values);
  const diceOfCase = async (item: TrainingCase, theta: Tensor): Promise<number[]> => {
    const scored = foreground
      .filter(({ value }) => item.annotated?.includes(value) !== false)
      .map(({ value, region }) => region ?? value);
    const overlaps = item.image.length === 0 ? scored.map(() => NOTHING) : await overlapsOf(item, theta, scored);
    return overlaps.flatMap((overlap, index) => {
      const missed = [scored[index]!].flat().reduce((sum, value) => sum + (item.missedVoxels?.[value] ?? 0), 0);
      return diceOf({ ...overlap, reference: overlap.reference + missed }) ?? [];
    });
  };
  const overlapsOf = async (
    item: TrainingCase,
    theta: Tensor,
    scored: readonly ClassValues[],
  ): Promise<readonly Overlap[]> => {
    const [width, height, depth] = item.sizeVoxels;
    const withTheta: Session = { ...session, run: (feeds, outputs) => session.run({ ...feeds, theta }, outputs) };
    const probabilities = await slidingWindow({
      session: withTheta,
      image: item.image,
      channels: item.channels,
      size: [depth, height, width],
      window: patchShape(recipe.patch.size),
      output,
      classes,
      overlap: recipe.evaluate.overlap,
      weighting: recipe.evaluate.weighting,
      activation,
      inputName: 'image',
      outputName: 'logits',
    });
    const indices = labelsFromProbabilities(probabilities, { classes, kind });
    const prediction = createLabels(indices.length, largest).map((_, voxel) => values[indices[voxel]!]!);
    const known = withoutIgnored(item.label, prediction, item.ignore);
    return countOverlap(known.reference, known.prediction, scored);
  };
  return async theta => {
    const perCase: number[] = [];
    for (const item of data.val) {
      const scores = await diceOfCase(item, tensor('float32', theta, [theta.length]));
      if (scores.length > 0) perCase.push(meanOf(scores));
    }
    return perCase.length === 0 ? 0 : meanOf(perCase);
  };
}
