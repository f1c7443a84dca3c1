/**
 * Opens any source of a model: an ONNX file, or a source that can be imported as one (a results folder of nnU-Net,
 * ...). An imported model is an ONNX file in memory whose metadata has all facts; from there on it is like any other
 * model.
 */

import { InputError } from '../core/errors.ts';
import { formatBytes, formatWhole } from '../core/format.ts';
import { IMAGE, type ImportChoice, type ImportedModel, LOGITS } from '../import/imported.ts';
import { replaceMetadata } from '../onnx/edit.ts';
import { sealModel } from '../onnx/seal.ts';
import type { Files } from '../runtime/files.ts';
import { encodeAnyBatch, graphMultiplyAdds } from '../training/export.ts';
import { formatModelMetadata } from './embedded-coarse.ts';
import type { ModelMetadata } from './model-facts.ts';
import { type KnownFacts, type ModelFile, readModelFile } from './model-file.ts';

/** File access for reading sources of models. */
type SourceFiles = Pick<Files, 'read' | 'exists' | 'list'>;

/** Result of opening a source. */
export interface OpenedSource {
  readonly file: ModelFile;
  /** Notes for the user, one sentence each. */
  readonly notes: readonly string[];
}

/** What a caller knows of a source. */
interface SourceOptions extends KnownFacts {
  readonly choice?: ImportChoice;
}

/** Largest size that protobuf and the typed arrays of every runtime can hold, bytes. */
const LARGEST_BYTES = 2 ** 31 - 2 ** 20;

/** An imported model as an ONNX file. */
function encode({ graph, parameters, facts }: ImportedModel, path: string): Uint8Array {
  const bytes = parameters * Float32Array.BYTES_PER_ELEMENT;
  if (bytes > LARGEST_BYTES) {
    throw new InputError(
      'E_IMPORT_SIZE',
      `${path} has ${formatWhole(parameters)} parameters, ${formatBytes(bytes)}; an ONNX file holds 2 GB. Take fewer ` +
        'folds (voxstill import --folds), or name them one by one as models of an ensemble.',
    );
  }
  const logits = graph.outputs[LOGITS];
  const multiplyAdds = logits === undefined ? null : graphMultiplyAdds(logits);
  const metadata: Partial<ModelMetadata> = {
    // nnU-Net takes volumes as they are where it does not say otherwise; of others it is not known
    ...(facts.nnunet && { orientation: null, spacingMm: null }),
    ...facts,
    inputName: IMAGE,
    outputName: LOGITS,
    parameters,
    multiplyAdds,
  };
  return encodeAnyBatch(graph, formatModelMetadata(metadata));
}

/**
 * Opens a source of a model.
 * @throws {InputError} E_IMPORT_* naming what is in the way, E_FILE_MISSING, and as readModelFile
 */
export async function openModelSource(
  files: SourceFiles,
  path: string,
  { choice = {}, given = {}, assumed = {} }: SourceOptions = {},
): Promise<OpenedSource> {
  const asItIs = async (): Promise<OpenedSource> => ({
    file: await readModelFile(files, path, { given, assumed }),
    notes: [],
  });
  if (/\.onnx$/i.test(path)) return asItIs();
  // loaded where they are needed, since they are many files
  const { findImporter, importerOf } = await import('../import/importers.ts');
  const importer = await importerOf(files, path);
  if (importer === undefined) {
    // a folder can only be an unknown source
    if ((await files.list(path)).length > 0) await findImporter(files, path);
    return asItIs();
  }
  const imported = await importer.read(files, path, {
    ...choice,
    ...(given.patch && { patch: given.patch }),
    ...(given.axes && { axes: given.axes }),
    ...(assumed.patch && { assumedPatch: assumed.patch }),
  });
  const bytes = encode(imported, path);
  const inMemory = {
    exists: (name: string) => files.exists(name),
    read: async (name: string) => (name === path ? bytes : files.read(name)),
  };
  // the graph is built for one window, and its axes may be turned already
  const { patch, axes } = imported.facts;
  const final = { ...given, ...(patch && { patch }), ...(axes && { axes }) };
  const file = await readModelFile(inMemory, path, { given: final, assumed });
  const { sourceAxes, notes } = imported;
  return { file: { ...file, ...(sourceAxes && { sourceAxes }) }, notes };
}

/** The facts without those that nobody stated, which are left to whoever uses the model. */
export function statedFacts({
  orientation,
  spacingMm,
  imageInterpolation,
  ...rest
}: ModelMetadata): Partial<ModelMetadata> {
  if (rest.nnunet !== undefined) return { orientation, spacingMm, imageInterpolation, ...rest };
  return { ...rest, ...(orientation && { orientation }), ...(spacingMm && { spacingMm, imageInterpolation }) };
}

/**
 * The model of a source as the bytes of an ONNX file whose metadata has all known facts.
 * @throws as {@link openModelSource}; {InputError} E_IMPORT_KIND if it is an ONNX file already
 */
export async function importModelFile(
  files: SourceFiles,
  path: string,
  options: SourceOptions = {},
): Promise<OpenedSource> {
  const { findImporter } = await import('../import/importers.ts');
  await findImporter(files, path);
  const { file, notes } = await openModelSource(files, path, options);
  const bytes = await sealModel(replaceMetadata(file.bytes, formatModelMetadata(statedFacts(file.metadata))));
  return { file: { ...file, bytes }, notes };
}
