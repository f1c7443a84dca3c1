/** The models of both stages of a cascade, opened together. */
import { InputError } from '../core/errors.ts';
import type { CoarseStage } from '../inference/cascade.ts';
import { outputClasses } from '../inference/model-info.ts';
import type { Engine } from '../runtime/engine.ts';
import type { CoarseFiles, ModelFile } from './model-file.ts';
import { type OpenModels, openModels } from './open-models.ts';

/** Open models of a cascade; without a coarse stage, of an ensemble. */
export interface OpenCascade extends OpenModels {
  /** Null: the whole volume is segmented. */
  readonly coarse: CoarseStage | null;
}

function assertFits(fine: ModelFile, coarse: ModelFile): void {
  if (fine.info.channels === coarse.info.channels) return;
  throw new InputError(
    'E_CASCADE',
    `${coarse.path} takes ${coarse.info.channels} channel(s), ${fine.path} takes ${fine.info.channels}; both stages see the same images. Take a coarse model of the same channels.`,
  );
}

/**
 * The model of a file that finds a region: a file of two stages stands for its coarse one, since what its fine one is
 * given is a region already.
 */
export function findsRegion(file: ModelFile): ModelFile {
  return file.coarse?.models[0] ?? file;
}

/** Whether two coarse stages find the same region. */
export function isSameCoarse(left: CoarseFiles | undefined, right: CoarseFiles | undefined): boolean {
  if (left === undefined || right === undefined) return left === right;
  const { models, marginMm } = left;
  return (
    marginMm === right.marginMm &&
    models.length === right.models.length &&
    models.every(({ bytes }, index) => {
      const other = right.models[index]?.bytes;
      return bytes.length === other?.length && bytes.every((byte, place) => byte === other[place]);
    })
  );
}

/**
 * The coarse stage that finds the region of models: the one that is asked for, or else the one in their files.
 * @param asked undefined: that of the files, if they have one; null: none, whatever is in the files
 * @throws {InputError} E_CASCADE if the files of an ensemble have different ones
 */
export function coarseOf(files: readonly ModelFile[], asked: CoarseFiles | null | undefined): CoarseFiles | undefined {
  const [first, ...others] = files;
  if (asked === null) return undefined;
  // the one in the files, where it is the same
  if (asked !== undefined) return files.every(({ coarse }) => isSameCoarse(coarse, asked)) ? first?.coarse : asked;
  const other = others.find(({ coarse }) => !isSameCoarse(coarse, first?.coarse));
  if (other === undefined) return first?.coarse;
  throw new InputError(
    'E_CASCADE',
    `${first?.path} and ${other.path} do not have the same coarse stage, so they would segment different regions. Name one for both with --coarse, or leave one of them out.`,
  );
}

/** The models of a coarse stage that are files of their own; one in the file of its fine model is not. */
export function coarseFilesApart(files: readonly ModelFile[], stage: CoarseFiles | undefined): readonly ModelFile[] {
  return stage === undefined || stage.models === files[0]?.coarse?.models ? [] : stage.models;
}

/**
 * Loads the models of a cascade.
 * @param asked as for {@link coarseOf}
 * @throws {InputError} E_CASCADE if the stages take other channels or the files have different stages, E_MODEL_LABELS
 * if a model names no class, and as openModels; then no model stays open
 */
export async function openCascade(
  engine: Engine,
  files: readonly ModelFile[],
  asked?: CoarseFiles | null,
): Promise<OpenCascade> {
  const stage = coarseOf(files, asked);
  if (stage === undefined) return { ...(await openModels(engine, files)), coarse: null };
  for (const one of stage.models) {
    outputClasses(one.info);
    for (const fine of files) assertFits(fine, one);
  }
  const coarse = await openModels(engine, stage.models);
  try {
    const fine = await openModels(engine, files);
    const close = async (): Promise<void> => {
      await fine.close();
      await coarse.close();
    };
    return { models: fine.models, coarse: { models: coarse.models, marginMm: stage.marginMm }, close };
  } catch (error) {
    await coarse.close();
    throw error;
  }
}
