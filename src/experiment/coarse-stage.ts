/** The coarse model that a recipe names or trains: where it lies, and with all that is known of it in one file. */
import { InputError, invariant } from '../core/errors.ts';
import type { Recipe } from '../recipe/schema.ts';
import type { Files } from '../runtime/files.ts';
import { embeddedForm } from './embedded-coarse.ts';
import { type CoarseFiles, readModelFile } from './model-file.ts';
import { openModelSource, statedFacts } from './model-source.ts';
import { findsRegion } from './open-cascade.ts';

/** The file of a folder: the model of an arm, or of a run that of its student or else its teacher. */
async function fileIn(files: Pick<Files, 'exists'>, folder: string, fold: number | null): Promise<string | undefined> {
  const folders = fold === null ? [folder] : [`${folder}/fold-${fold}`, folder];
  for (const one of folders) {
    for (const name of ['model.onnx', 'student/model.onnx', 'teacher/model.onnx']) {
      if (await files.exists(`${one}/${name}`)) return `${one}/${name}`;
    }
  }
  return undefined;
}

async function coarseFile(
  files: Pick<Files, 'read' | 'exists' | 'list'>,
  path: string,
  fold: number | null,
): Promise<string> {
  if (/\.onnx$/i.test(path)) return path;
  const inside = await fileIn(files, path, fold);
  if (inside !== undefined) return inside;
  // loaded where they are needed, since they are many files
  const { importerOf } = await import('../import/importers.ts');
  if ((await importerOf(files, path)) !== undefined) return path;
  throw new InputError(
    'E_CASCADE',
    `cascade.coarse names ${path}, which is neither a model (.onnx, or a source that \`voxstill import\` reads), nor the folder of an arm or run with a finished model. Train the coarse model first.`,
  );
}

async function trainedFile(files: Pick<Files, 'exists'>, path: string | undefined): Promise<string> {
  invariant(path !== undefined, 'whoever trains the coarse stage says where its model is');
  if (await files.exists(path)) return path;
  throw new InputError(
    'E_COARSE_MISSING',
    `the coarse stage is not trained yet: there is no ${path}. Train it first: voxstill train ... --arm coarse`,
  );
}

/**
 * Reads the coarse model of a recipe of one fold.
 * @param trained model file of the coarse stage that the recipe trains itself
 * @returns undefined for a recipe of whole volumes; the bytes are those that other files carry
 * @throws {InputError} E_CASCADE if there is none at its path; E_COARSE_MISSING if it is not trained yet; as
 * openModelSource
 */
export async function readCoarseStage(
  files: Pick<Files, 'read' | 'exists' | 'list'>,
  { cascade, data: { splits } }: Recipe,
  trained: string | undefined,
): Promise<CoarseFiles | undefined> {
  if (cascade === null) return undefined;
  const { coarse, marginMm } = cascade;
  const path =
    typeof coarse === 'string'
      ? await coarseFile(files, coarse, 'fold' in splits ? splits.fold : null)
      : await trainedFile(files, trained);
  const { file } = await openModelSource(files, path);
  const finder = findsRegion(file);
  const bytes = await embeddedForm(finder.bytes, statedFacts(finder.metadata));
  const model = await readModelFile({ read: async () => bytes, exists: async () => false }, finder.path);
  return { models: [model], marginMm };
}
