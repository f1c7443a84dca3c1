/**
 * What a training may start from: the parameters of a finished model of ours or of a checkpoint, by name. A model.onnx
 * carries them as initializers with the names of the network; its metadata say which class each channel of its result
 * is, and how its images were prepared. A checkpoint is in the folder of an arm, whose model.onnx says this, if there
 * is one.
 */
import { InputError } from '../../core/errors.ts';
import { SafetensorsProblem } from '../../core/safetensors.ts';
import type { Shape } from '../../core/shape.ts';
import { outputClasses } from '../../inference/model-info.ts';
import { decodeModel } from '../../onnx/decode.ts';
import { tensorContent } from '../../onnx/tensor-content.ts';
import type { Files } from '../../runtime/files.ts';
import { readParameters } from '../../training/checkpoint.ts';
import type { Machine } from '../machine.ts';
import type { ModelMetadata } from '../model-facts.ts';
import { type ModelFile, readModelFile } from '../model-file.ts';
import { openModelSource } from '../model-source.ts';

/** A model whose parameters have no names of ours. */
export interface UnnamedSource {
  readonly file: ModelFile;
  /** SHA-256 of its file; of a source that is imported that of the ONNX file that it becomes. */
  readonly sha256: string;
}

/** Parameters by name, and what is known of the model that they are of. */
export interface StartSource {
  readonly path: string;
  /** SHA-256 of the file. */
  readonly sha256: string;
  readonly tensors: ReadonlyMap<string, { readonly shape: Shape; readonly data: Float32Array }>;
  /** Name of the class of each channel of its result; undefined where nobody says. */
  readonly classes: readonly string[] | undefined;
  /** How it was trained and is used; undefined where nobody says. */
  readonly facts: ModelMetadata | undefined;
}

/** Names of the classes of a model's channels, in order. */
export function channelNames(model: Pick<ModelMetadata, 'labels' | 'activation'>): readonly string[] {
  const names = new Map(model.labels.map(({ value, name }) => [value, name]));
  return outputClasses(model).values.map(value => names.get(value) as string);
}

/** How the models of voxstill call the kernels of their last layer. */
const OWN_NAMES = /^head\b.*\.weight$/;

const isCheckpoint = (path: string): boolean => path.endsWith('.safetensors');

/**
 * The file that a path stands for: itself, or in a folder the model of an arm; a source that can be imported is itself
 * too.
 * @param arm arm whose model is taken from the folder of a run
 * @throws {InputError} E_START
 */
export async function startFile(
  files: Pick<Files, 'read' | 'exists' | 'list'>,
  path: string,
  { arm, key }: { readonly arm: string; readonly key: string },
): Promise<string> {
  if (/\.(onnx|safetensors)$/i.test(path)) return path;
  for (const candidate of [`${path}/model.onnx`, `${path}/${arm}/model.onnx`]) {
    if (await files.exists(candidate)) return candidate;
  }
  // loaded where they are needed, since they are many files
  const { importerOf } = await import('../../import/importers.ts');
  if ((await importerOf(files, path)) !== undefined) return path;
  throw new InputError(
    'E_START',
    `${key} names ${path}, which is neither a model (.onnx, or a source that \`voxstill import\` reads), nor a checkpoint (.safetensors), nor a folder with model.onnx or ${arm}/model.onnx in it.`,
  );
}

async function readCheckpoint(
  { files, machine }: { readonly files: Pick<Files, 'read' | 'exists'>; readonly machine: Pick<Machine, 'sha256'> },
  path: string,
): Promise<StartSource> {
  const bytes = await files.read(path);
  const beside = `${path.split('/').slice(0, -2).join('/')}/model.onnx`;
  const facts = (await files.exists(beside)) ? (await readModelFile(files, beside)).metadata : undefined;
  let tensors: StartSource['tensors'];
  try {
    tensors = readParameters(bytes, machine.sha256);
  } catch (cause) {
    if (!(cause instanceof SafetensorsProblem)) throw cause;
    throw new InputError('E_CHECKPOINT_CORRUPT', `${path}: ${cause.message}. Start from another file.`, { cause });
  }
  return { path, sha256: machine.sha256(bytes), tensors, classes: facts && channelNames(facts), facts };
}

/**
 * Reads what a training may start from.
 * @param names parameters of the network that is to start
 * @returns the parameters by name; the model itself, if it has none of the names
 * @throws {InputError} E_CHECKPOINT_CORRUPT, and as openModelSource
 */
export async function readStart(
  from: {
    readonly files: Pick<Files, 'read' | 'exists' | 'list'>;
    readonly machine: Pick<Machine, 'sha256'>;
  },
  path: string,
  names: readonly string[],
): Promise<StartSource | UnnamedSource> {
  if (isCheckpoint(path)) return readCheckpoint(from, path);
  const { file } = await openModelSource(from.files, path);
  const { bytes, metadata: facts } = file;
  const tensors = new Map<string, { readonly shape: Shape; readonly data: Float32Array }>();
  for (const initializer of decodeModel(bytes, path).initializers) {
    const content = tensorContent(initializer);
    if (content?.data instanceof Float32Array) {
      tensors.set(initializer.name, { shape: content.shape, data: content.data });
    }
  }
  const sha256 = from.machine.sha256(bytes);
  // names of ours, if of another family: what does not fit is then said by name
  const isNamed = names.some(name => tensors.has(name)) || [...tensors.keys()].some(name => OWN_NAMES.test(name));
  if (!isNamed) return { file, sha256 };
  return { path, sha256, tensors, classes: channelNames(facts), facts };
}
