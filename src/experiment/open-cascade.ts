/** The models of both stages of a cascade, opened together. */
import { InputError } from '../core/errors.ts';
import type { CoarseStage } from '../inference/cascade.ts';
import { outputClasses } from '../inference/model-info.ts';
import type { Engine } from '../runtime/engine.ts';
import type { ModelFile } from './model-file.ts';
import { type OpenModels, openModels } from './open-models.ts';

/** Models that find the region of interest, and the margin around it. */
export interface CoarseFiles {
  /** At least one; several are an ensemble. */
  readonly models: readonly ModelFile[];
  readonly marginMm: number;
}

/** Open models of a cascade; without a coarse stage, of an ensemble. */
export interface OpenCascade extends OpenModels {
  readonly coarse?: CoarseStage;
}

function assertFits(fine: ModelFile, coarse: ModelFile): void {
  if (fine.info.channels === coarse.info.channels) return;
  throw new InputError(
    'E_CASCADE',
    `${coarse.path} takes ${coarse.info.channels} channel(s), ${fine.path} takes ${fine.info.channels}; both stages see the same images. Take a coarse model of the same channels.`,
  );
}

/**
 * Loads the models of a cascade.
 * @throws {InputError} E_CASCADE if the stages take other channels, E_MODEL_LABELS if a model names no class, and as
 * openModels; then no model stays open
 */
export async function openCascade(
  engine: Engine,
  files: readonly ModelFile[],
  asked: CoarseFiles | undefined,
): Promise<OpenCascade> {
  if (asked === undefined) return openModels(engine, files);
  for (const one of asked.models) {
    outputClasses(one.info);
    for (const fine of files) assertFits(fine, one);
  }
  const coarse = await openModels(engine, asked.models);
  try {
    const fine = await openModels(engine, files);
    const close = async (): Promise<void> => {
      await fine.close();
      await coarse.close();
    };
    return { models: fine.models, coarse: { models: coarse.models, marginMm: asked.marginMm }, close };
  } catch (error) {
    await coarse.close();
    throw error;
  }
}
