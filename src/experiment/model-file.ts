/**
 * A model on disk with what must be known to use it. Ours carry it in their metadata under the key `voxstill`; for models from
 * elsewhere it comes from a JSON file beside the model (`M.json` for `M.onnx`, same fields), from flags, and from the graph itself.
 */
import { z } from 'zod';
import { InputError } from '../core/errors.ts';
import { elementCount, sameShape, type Triple } from '../core/shape.ts';
import type { ModelInfo, OpenModel } from '../inference/model-info.ts';
import { decodeModel, type ModelSummary } from '../onnx/decode.ts';
import type { Engine, Session } from '../runtime/engine.ts';
import type { Files } from '../runtime/files.ts';
import { asZyxSession } from './axes.ts';
import { normalizationSchema } from './normalization-schema.ts';
import { postprocessingSchema, postprocessingTrialSchema } from './postprocessing-schema.ts';

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
  /** RAS: volumes are turned to axes that run right, anterior, superior; null where they are taken as they are. */
  orientation: z.enum(['RAS']).nullable(),
  /** One method for all channels, or one per channel. */
  normalize: normalizationSchema,
  /** [D, H, W] = z, y, x. */
  patch: triple(z.int().min(1)),
  /** [D, H, W] of what the model gives, in the middle of the patch; the whole patch if not given. */
  output: triple(z.int().min(1)).optional(),
  /** The one batch size that the model takes; any if not given. */
  batch: z.int().min(1).optional(),
  activation: z.enum(['softmax', 'sigmoid', 'none']),
  /** Steps by class name; none if not given. */
  postprocess: postprocessingSchema.optional(),
  /** What was compared to choose them, on validation cases. */
  postprocessTrials: z.array(postprocessingTrialSchema).readonly().optional(),
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

/** A size that a graph states; a word or 0 is one that is known only at run time. */
function isFixed(item: number | string | undefined): item is number {
  return typeof item === 'number' && item > 0;
}

/** [D, H, W] of a tensor [N, C, ...], where the graph states it. */
function spatialSize(shape: readonly (number | string)[], axes: ModelMetadata['axes']): Triple | undefined {
  const spatial = shape.slice(2).filter(isFixed);
  const [depth, height, width] = axes === 'NCXYZ' ? spatial.toReversed() : spatial;
  if (shape.length !== 5 || depth === undefined || height === undefined || width === undefined) return undefined;
  return [depth, height, width];
}

/** What the graph itself says. */
function factsOfGraph(model: ModelSummary, axes: ModelMetadata['axes']): Partial<ModelMetadata> {
  const [input] = model.inputs;
  const [output] = model.outputs;
  const [batch, channels] = input?.shape ?? [];
  const weights = model.initializers.filter(({ shape }) => shape.length > 1);
  const patch = spatialSize(input?.shape ?? [], axes);
  const given = spatialSize(output?.shape ?? [], axes);
  return {
    ...(isFixed(channels) && { channels }),
    ...(isFixed(batch) && { batch }),
    ...(patch !== undefined && { patch }),
    ...(patch !== undefined && given !== undefined && !sameShape(patch, given) && { output: given }),
    ...(input !== undefined && { inputName: input.name }),
    ...(output !== undefined && { outputName: output.name }),
    parameters: weights.reduce((sum, { shape }) => sum + elementCount(shape.map(Number)), 0),
    spacingMm: null,
    orientation: null,
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
  const {
    spacingMm,
    orientation,
    parameters: _parameters,
    multiplyAdds: _multiplyAdds,
    axes: _axes,
    postprocessTrials: _trials,
    ...facts
  } = metadata;
  const info = { ...facts, ...(spacingMm && { spacingMm }), ...(orientation && { orientation }) };
  return { path, bytes, metadata, info };
}

/** Models that are open together. */
export interface OpenModels {
  readonly models: readonly OpenModel[];
  close(): Promise<void>;
}

/**
 * Loads the models of an ensemble.
 * @throws as {@link openModel}; then none stays open
 */
export async function openModels(engine: Engine, files: readonly ModelFile[]): Promise<OpenModels> {
  const models: OpenModel[] = [];
  const close = async (): Promise<void> => {
    for (const { session } of models) await session.dispose();
  };
  try {
    for (const file of files) models.push({ session: await openModel(engine, file), info: file.info });
  } catch (error) {
    await close();
    throw error;
  }
  return { models, close };
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
