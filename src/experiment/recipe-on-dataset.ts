/** Checks that what a recipe asks of classes fits the classes of its data set, before any case is read. */
import { InputError } from '../core/errors.ts';
import type { Dataset } from '../data/dataset.ts';
import type { Recipe } from '../recipe/schema.ts';
import { assertLesionsKnown } from './evaluate.ts';

function assertClassesKnown(asked: Recipe['postprocess'], { folder, labels }: Dataset): void {
  if (typeof asked === 'string') return;
  const known = labels.filter(({ value }) => value !== 0).map(({ name }) => name);
  const unknown = Object.keys(asked).filter(name => !known.includes(name));
  if (unknown.length === 0) return;
  throw new InputError(
    'E_POSTPROCESS',
    `postprocess names ${unknown.join(', ')}, but the classes of ${folder} are ${known.join(', ')}. Correct the recipe.`,
  );
}

function assertCodesKnown({ codes }: Recipe['labels'], { folder, labels }: Dataset): void {
  const known = labels.map(({ name }) => name);
  const unknown = Object.keys(codes).filter(name => !known.includes(name));
  if (unknown.length === 0) return;
  throw new InputError(
    'E_LABEL_UNKNOWN',
    `labels.codes names ${unknown.join(', ')}, but the classes of ${folder} are ${known.join(', ')}. Correct the recipe.`,
  );
}

/**
 * Checks settings for regions: they overlap, so each needs its own channel, and post-processing of label maps cannot
 * handle them.
 */
function assertRegionsFit({ folder, labels }: Dataset, { loss, postprocess, decode }: Recipe): void {
  if (labels.every(({ region }) => region === undefined)) return;
  if (loss.crossEntropy.kind !== 'binary') {
    throw new InputError(
      'E_REGIONS',
      `the classes of ${folder} are regions, which may overlap. Set loss.crossEntropy.kind to binary, so that each has a channel of its own.`,
    );
  }
  if (decode === 'validated') {
    throw new InputError(
      'E_REGIONS',
      `the classes of ${folder} are regions, which are written over each other, so that thresholds cannot be chosen class by class. Set decode to argmax.`,
    );
  }
  if (typeof postprocess === 'object') {
    throw new InputError(
      'E_REGIONS',
      `the classes of ${folder} are regions, which cannot be post-processed. Set postprocess to auto or none.`,
    );
  }
}

/**
 * Refuses a recipe that names classes that the data do not have, or settings that regions cannot have.
 * @throws {InputError} E_POSTPROCESS, E_LABEL_UNKNOWN, E_REGIONS, and as assertLesionsKnown
 */
export function assertFitsDataset(recipe: Recipe, dataset: Dataset): void {
  assertRegionsFit(dataset, recipe);
  assertClassesKnown(recipe.postprocess, dataset);
  assertLesionsKnown(recipe.evaluate.lesions, dataset);
  assertCodesKnown(recipe.labels, dataset);
}
