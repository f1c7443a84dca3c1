/**
 * Whether an image is like those that a model was trained on, by its grid and by its channels; found before anything is
 * computed.
 */
import { channelFacts } from '../../data/image-facts.ts';
import { nonzeroBox } from '../../volume/nonzero.ts';
import { canonicalGrid } from '../../volume/orientation.ts';
import type { Grid, Volume } from '../../volume/volume.ts';
import type { Expectation, PlausibilityWarning } from './bounds.ts';
import { channelWarnings } from './channels.ts';
import { gridWarnings } from './grid.ts';

/** Warnings of a segmentation without those that were given of its image before; both report constant images. */
export function notYetTold<T extends { readonly code: string }>(
  warnings: readonly T[],
  told: readonly PlausibilityWarning[],
): readonly T[] {
  return warnings.filter(({ code }) => !told.some(one => one.code === code));
}

/** The grid in the axes of the model: whole, or the box that its facts are about. */
function gridOf(volume: Volume, { info, training }: Expectation): Grid {
  const { spacingMm, affine } = volume;
  const sizeVoxels = training?.isCropped ? nonzeroBox(volume).size : volume.sizeVoxels;
  const grid = { sizeVoxels, spacingMm, affine };
  return info.orientation === 'RAS' ? canonicalGrid(grid) : grid;
}

/**
 * Compares an image with the training cases of models.
 * @param volume as it was read, before normalisation
 * @param models of an ensemble; those without facts about their training say only what needs none: planes, constant
 * images, label maps
 * @param id of the image, for messages
 * @returns at most one warning of a kind and channel
 */
export function imageWarnings(
  volume: Volume,
  models: readonly Expectation[],
  id: string,
): readonly PlausibilityWarning[] {
  const facts = channelFacts(volume);
  const all = models.flatMap(model => [
    ...gridWarnings(gridOf(volume, model), model),
    ...channelWarnings(facts, model),
  ]);
  const kindOf = ({ code, channel }: PlausibilityWarning): string => `${code} ${channel}`;
  return all
    .filter((one, index) => all.findIndex(other => kindOf(other) === kindOf(one)) === index)
    .map(one => ({ ...one, message: `${id}: ${one.message}` }));
}
