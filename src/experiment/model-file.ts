/**
 * A model on disk with what must be known to use it. Ours carry it in their metadata under the key `voxstill`; for models from
 * elsewhere it comes from a JSON file beside the model (`M.json` for `M.onnx`, same fields), from flags, and from the graph itself.
 */
import { z } from 'zod';
import { InputError } from '../core/errors.ts';
import { elementCount } from '../core/shape.ts';
import type { ModelInfo } from '../inference/predictor.ts';
import { decodeModel, type ModelSummary } from '../onnx/decode.ts';
import type { Engine, Session } from '../runtime/engine.ts';
import type { Files } from '../runtime/files.ts';
import { asZyxSession } from './axes.ts';

const positive = z.number().gt(0);
const triple = <T extends z.ZodType>(item: T) => z.tuple([item, item, item]).readonly();

const metadataSchema = z.object({
  labels: z
    .array(z.object({ value: z.int().min(0).max(255), name: z.string().min(1) }))
    .min(1)
    .readonly(),
  channels: z.int().min(1),
  /** x, y, z; null where volumes are taken as they are. */
  spacingMm: triple(positive).nullable(),
  normalize: z.enum(['min-max', 'percentile', 'z-score', 'none']),
  /** [D, H, W] = z, y, x. */
  patch: triple(z.int().min(1)),
  activation: z.enum(['softmax', 'sigmoid', 'none']),
  inputName: z.string().min(1),
  outputName: z.string().min(1),
  /** Trained parameters. */
  parameters: z.int().min(0),
  /** For one patch; null where nobody counted. */
  multiplyAdds: z.number().min(0).nullable(),
  /** Order of the model's axes. */
  axes: z.enum(['NCZYX', 'NCXYZ']),
});

/** The facts of a model, as they stand in its metadata or beside it. */
export type ModelMetadata = Readonly<z.output<typeof metadataSchema>>;

/** A model that is ready to be loaded. */
export interface ModelFile {
  readonly path: string;
  readonly bytes: Uint8Array;
  readonly metadata: ModelMetadata;
  readonly info: ModelInfo;
}

const METADATA_KEY = 'voxstill';

/** What goes into the metadata of an exported model. */
export function formatModelMetadata(metadata: ModelMetadata): Readonly<Record<string, string>> {
  return { [METADATA_KEY]: JSON.stringify(metadata) };
}

function parseFacts(text: string, source: string): Partial<ModelMetadata> {
  let content: unknown;
  try {
    content = JSON.parse(text);
  } catch (cause) {
    throw new InputError('E_MODEL_INFO', `${source} is not JSON: ${String(cause)}`, { cause });
  }
  const result = metadataSchema.partial().safeParse(content);
  if (!result.success) {
    const problems = result.error.issues.map(issue => `${source} ${issue.path.join('.')}: ${issue.message}`);
    throw new InputError('E_MODEL_INFO', problems.join('\n'));
  }
  // Zod's partial objects carry no key that was not given.
  return Object.fromEntries(Object.entries(result.data).filter(([, value]) => value !== undefined));
}

/** What the graph itself says. */
function factsOfGraph(model: ModelSummary, axes: ModelMetadata['axes']): Partial<ModelMetadata> {
  const [input] = model.inputs;
  const [output] = model.outputs;
  const [, channels, ...spatial] = input?.shape ?? [];
  const weights = model.initializers.filter(({ shape }) => shape.length > 1);
  const size = axes === 'NCXYZ' ? spatial.toReversed() : spatial;
  const [depth, height, width] = size.map(Number);
  const isStatic = size.length === 3 && size.every(item => typeof item === 'number' && item > 0);
  return {
    ...(typeof channels === 'number' && channels > 0 && { channels }),
    ...(isStatic && { patch: [depth!, height!, width!] }),
    ...(input !== undefined && { inputName: input.name }),
    ...(output !== undefined && { outputName: output.name }),
    parameters: weights.reduce((sum, { shape }) => sum + elementCount(shape.map(Number)), 0),
    spacingMm: null,
    multiplyAdds: null,
    axes,
  };
}

/**
 * Reads a model and what is known of it. Later sources win: the graph, the metadata, the JSON beside it, the caller.
 * @param given what the user says, for example by flags
 * @throws {InputError} E_FILE_MISSING, E_MODEL_CORRUPT; E_MODEL_INFO if a source is malformed or a needed fact is nowhere
 */
export async function readModelFile(
  files: Pick<Files, 'read' | 'exists'>,
  path: string,
  given: Partial<ModelMetadata> = {},
): Promise<ModelFile> {
  const bytes = await files.read(path);
  const model = decodeModel(bytes, path);
  const own = model.metadata[METADATA_KEY];
  const beside = `${path.replace(/\.onnx$/i, '')}.json`;
  const decoder = new TextDecoder();
  const stated = {
    ...(own !== undefined && parseFacts(own, `${path} (metadata ${METADATA_KEY})`)),
    ...((await files.exists(beside)) && parseFacts(decoder.decode(await files.read(beside)), beside)),
    ...given,
  };
  const result = metadataSchema.safeParse({ ...factsOfGraph(model, stated.axes ?? 'NCZYX'), ...stated });
  if (!result.success) {
    const missing = [...new Set(result.error.issues.map(issue => issue.path.join('.')))];
    throw new InputError(
      'E_MODEL_INFO',
      `${path} does not say its ${missing.join(', ')}. Write them into ${beside}, for example ` +
        '{ "labels": [{ "value": 0, "name": "background" }, { "value": 1, "name": "tumour" }], "normalize": "z-score", ' +
        '"activation": "softmax", "patch": [depth, height, width] }, or give them as flags.',
    );
  }
  const metadata = result.data;
  const { labels, channels, spacingMm, normalize, patch, activation, inputName, outputName } = metadata;
  const info = { labels, channels, normalize, patch, activation, inputName, outputName };
  return { path, bytes, metadata, info: spacingMm === null ? info : { ...info, spacingMm } };
}

/**
 * Loads a model; its session takes and gives [N, C, D, H, W] whatever the model's own order.
 * @throws {InputError} E_MODEL_LOAD with the path
 */
export async function openModel(engine: Engine, { bytes, metadata, path }: ModelFile): Promise<Session> {
  try {
    const session = await engine.load(bytes);
    return metadata.axes === 'NCXYZ' ? asZyxSession(session) : session;
  } catch (cause) {
    if (!(cause instanceof InputError)) throw cause;
    throw new InputError(cause.code, `${path}: ${cause.message}`, { cause });
  }
}
