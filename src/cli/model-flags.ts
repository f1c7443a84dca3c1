/**
 * From the flags of the commands that use models: the models with the facts that the flags give, and the settings of
 * the sliding window.
 */
import { InputError } from '../core/errors.ts';
import type { Laboratory } from '../experiment/laboratory.ts';
import type { ModelMetadata } from '../experiment/model-facts.ts';
import { type CoarseFiles, logNotes, type ModelFile } from '../experiment/model-file.ts';
import { openModelSource } from '../experiment/model-source.ts';
import { coarseOf, findsRegion } from '../experiment/open-cascade.ts';
import type { WindowChoice } from '../inference/sliding-window.ts';
import { REGION_MARGIN_MM } from '../recipe/evaluation-defaults.ts';
import type { FactFlags, ModelFlags } from './flags/model.ts';

/**
 * Reads the models that the flags name, completed by the facts that the flags give, and logs how files from elsewhere
 * were understood.
 */
export async function readModels(
  { files, progress }: Pick<Laboratory, 'files' | 'progress'>,
  flags: ModelFlags,
): Promise<readonly ModelFile[]> {
  const given = givenFacts(flags);
  const models: ModelFile[] = [];
  for (const path of flags.model) {
    const { file, notes } = await openModelSource(files, path, { given });
    for (const note of notes) progress.warn(`${path}: ${note}`);
    models.push(file);
  }
  logNotes(models, progress);
  return models;
}

/**
 * The models that find the region of interest, if the flags name some; they say of themselves all that is needed.
 * @returns undefined if the flags leave it to the models, null if they want the whole volume
 * @throws {InputError} E_USAGE, E_CASCADE for flags that fit neither one another nor the models
 */
export async function readCoarse(
  { files, progress }: Pick<Laboratory, 'files' | 'progress'>,
  { coarse, margin }: ModelFlags,
  fine: readonly ModelFile[],
): Promise<CoarseFiles | null | undefined> {
  if (coarse === undefined) return margin === undefined ? undefined : ownCoarse(fine, margin);
  if (coarse.includes(NO_COARSE)) {
    if (coarse.length === 1 && margin === undefined) return null;
    throw new InputError('E_USAGE', `--coarse ${NO_COARSE} stands alone: without a region there is no margin either.`);
  }
  const models: ModelFile[] = [];
  for (const path of coarse) {
    const { file, notes } = await openModelSource(files, path);
    for (const note of notes) progress.warn(`${path}: ${note}`);
    models.push(file);
  }
  logNotes(models, progress);
  for (const { path, coarse: own } of fine) {
    if (own !== undefined) progress.log(`${path}: --coarse takes the place of the coarse stage in it`);
  }
  return { models: models.map(findsRegion), marginMm: margin ?? REGION_MARGIN_MM };
}

/** Stands for no coarse model. */
const NO_COARSE = 'none';

/** The coarse stage of the models with another margin. */
function ownCoarse(fine: readonly ModelFile[], marginMm: number): CoarseFiles {
  const own = coarseOf(fine, undefined);
  if (own !== undefined) return { ...own, marginMm };
  throw new InputError(
    'E_CASCADE',
    `--margin is that around what a coarse model finds, and ${fine.map(({ path }) => path).join(', ')} has none in it. Name one with --coarse.`,
  );
}

/** The sliding-window settings that the flags give. */
export function windowChoice({ overlap, weighting, mirror }: ModelFlags): WindowChoice {
  return { overlap, weighting, ...(mirror && { mirror }) };
}

/**
 * The facts about the model that the flags give.
 * @throws {InputError} E_USAGE if a patch is not in whole voxels
 */
export function givenFacts(flags: FactFlags): Partial<ModelMetadata> {
  const {
    labels,
    crop,
    spacing,
    orientation,
    normalize,
    patch,
    activation,
    axes: order,
    inputName,
    outputName,
  } = flags;
  if (patch !== undefined && !patch.every(Number.isInteger)) {
    throw new InputError(
      'E_USAGE',
      `--patch takes whole voxels as x,y,z, for example 64,64,32; got ${patch.join(',')}`,
    );
  }
  return {
    ...(labels && { labels: labels.map((name, value) => ({ value, name })) }),
    ...(crop && { crop }),
    ...(spacing && { spacingMm: spacing }),
    ...(orientation && { orientation: orientation === 'RAS' ? orientation : null }),
    ...(normalize && { normalize }),
    ...(patch && { patch: [patch[2], patch[1], patch[0]] as const }),
    ...(activation && { activation }),
    ...(order && { axes: order }),
    ...(inputName !== undefined && { inputName }),
    ...(outputName !== undefined && { outputName }),
  };
}
