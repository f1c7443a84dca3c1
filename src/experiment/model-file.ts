/**
 * Reads a model from disk with the facts that are needed to use it. Models of voxstill have them in their metadata, and
 * their coarse stage if they have one (embedded-coarse.ts); for models from elsewhere they come from a JSON file beside
 * the model (`M.json` for `M.onnx`, same fields), from flags, and from the graph itself.
 */

import { InputError } from '../core/errors.ts';
import { formatShape } from '../core/shape.ts';
import { type Axes, withStandardAxes } from '../inference/axes.ts';
import { type ChannelGroups, withChannelGroups } from '../inference/channel-groups.ts';
import { withOneHotLabels } from '../inference/label-maps.ts';
import { type ModelInfo, outputClasses } from '../inference/model-info.ts';
import { type DecodedModel, decodeModel } from '../onnx/decode.ts';
import { addOutputs } from '../onnx/edit.ts';
import { embedExternalData } from '../onnx/external-data.ts';
import { assertSealWhole, SEAL_KEY } from '../onnx/seal.ts';
import type { Engine, Session } from '../runtime/engine.ts';
import type { Files } from '../runtime/files.ts';
import { type JsonForm, parseJson, readText } from '../runtime/json-file.ts';
import type { Progress } from '../runtime/progress.ts';
import { COARSE_KEY, embeddedCoarse, ownFacts } from './embedded-coarse.ts';
import { factsOfGraph, type ModelMetadata, metadataSchema, UNSAID_FACTS } from './model-facts.ts';
import type { OutputNote } from './model-outputs.ts';

/** A model that is ready to be loaded. */
export interface ModelFile {
  readonly path: string;
  /** Bytes of the model, with weights from other files included. */
  readonly bytes: Uint8Array;
  readonly metadata: ModelMetadata;
  readonly info: ModelInfo;
  /** Channels for each class of `info`; one each, in order, if not given. */
  readonly groups?: ChannelGroups;
  /** For an imported model whose kernels were turned: the order of axes of its source, which messages use. */
  readonly sourceAxes?: Axes;
  /** Whether its output is one label per voxel: it can predict, but has no probabilities of other classes. */
  readonly givesLabels?: boolean;
  /** Notes for the user on how the file was interpreted. */
  readonly notes?: readonly OutputNote[];
  /** The coarse stage in the same file, which finds the region of interest. */
  readonly coarse?: CoarseFiles;
  /** The JSON file beside it, if it has facts of the model. */
  readonly beside?: { readonly path: string; readonly text: string };
}

/** Models that find the region of interest, and the margin around it. */
export interface CoarseFiles {
  /** At least one; several are an ensemble. */
  readonly models: readonly ModelFile[];
  readonly marginMm: number;
}

const statedFacts = {
  schema: metadataSchema.partial(),
  code: 'E_MODEL_INFO',
  advice: 'Correct it, or give what it says by flags and leave it out.',
} as const satisfies JsonForm<unknown>;

function parseFacts(text: string, source: string): Partial<ModelMetadata> {
  const facts = parseJson(text, source, statedFacts);
  // Zod's partial objects have no key that was not given.
  return Object.fromEntries(Object.entries(facts).filter(([, value]) => value !== undefined));
}

/** Facts about a model that are stated nowhere. */
export class MissingFactsError extends InputError {
  /** Their names in the metadata. */
  readonly missing: readonly string[];

  constructor(missing: readonly string[], message: string) {
    super('E_MODEL_INFO', message);
    this.missing = missing;
  }
}

/** The bytes of the model including all weights. */
async function readWhole(
  files: Pick<Files, 'read' | 'exists'>,
  path: string,
): Promise<{ readonly bytes: Uint8Array; readonly model: DecodedModel }> {
  const bytes = await files.read(path);
  const model = decodeModel(bytes, path);
  await assertSealWhole(bytes, model.metadata[SEAL_KEY], path);
  if (model.external.every(data => data === undefined)) return { bytes, model };
  const folder = path.split('/').slice(0, -1);
  const read = async (location: string): Promise<Uint8Array> => {
    const parts = location.split(/[/\\]/);
    if (location.startsWith('/') || parts.includes('..')) {
      throw new InputError(
        'E_MODEL_WEIGHTS',
        `${path} keeps weights in ${location}, outside its own folder. Export it with the weights inside, or in a file beside it.`,
      );
    }
    const beside = [...folder, ...parts.filter(part => part !== '.')].join('/');
    if (await files.exists(beside)) return files.read(beside);
    throw new InputError(
      'E_MODEL_WEIGHTS',
      `${path} keeps its weights in ${location}, but there is no ${beside}. Put the file beside the model, or export it again with ` +
        'the weights inside.',
    );
  };
  return { bytes: await embedExternalData(bytes, model.external, { path, read }), model };
}

/** The facts that inference needs. */
function infoOf(metadata: ModelMetadata): ModelInfo {
  const {
    spacingMm,
    orientation,
    parameters: _parameters,
    multiplyAdds: _multiplyAdds,
    fieldOfView: _fieldOfView,
    trainingBytes: _trainingBytes,
    inferenceBytes: _inferenceBytes,
    axes: _axes,
    postprocessTrials: _trials,
    training: _training,
    thresholdTrials: _thresholdTrials,
    temperatureFit: _temperatureFit,
    precision: _precision,
    madeFrom: _madeFrom,
    ...facts
  } = metadata;
  return { ...facts, ...(spacingMm && { spacingMm }), ...(orientation && { orientation }) };
}

/** Refuses labels if the output does not have one channel for each. */
function assertChannels(
  channels: number,
  { path, beside, metadata }: { readonly path: string; readonly beside: string; readonly metadata: ModelMetadata },
): void {
  const { labels, activation, outputName, axes } = metadata;
  const { kind, values } = outputClasses(metadata);
  if (channels === values.length) return;
  const names = labels.map(({ value, name }) => `${value} (${name})`).join(', ');
  throw new InputError(
    'E_MODEL_LABELS',
    `${path} has ${channels} channels at its output "${outputName}", but its labels ${names} with activation ${activation} need ` +
      `${values.length}${kind === 'sigmoid' ? ' (none for the background)' : ''}. Correct labels, activation or axes (${axes}) in ` +
      `${beside} or by flags.`,
  );
}

/** Refuses to change a part of nnU-Net's preparation of volumes, which is one whole. */
function assertPipelineStays(given: Partial<ModelMetadata>, path: string): void {
  const said = (['crop', 'normalize', 'spacingMm', 'imageInterpolation', 'orientation'] as const).filter(
    key => given[key] !== undefined,
  );
  if (said.length === 0) return;
  throw new InputError(
    'E_MODEL_INFO',
    `${path} is used as nnU-Net uses it, which says its ${said.join(', ')}. Leave out what is said of ${said.join(', ')} besides.`,
  );
}

/** The coarse stage in a file. */
async function readCoarse(
  model: DecodedModel,
  { cascade }: ModelMetadata,
  path: string,
): Promise<CoarseFiles | undefined> {
  const bytes = embeddedCoarse(model.metadata, cascade, path);
  if (bytes === undefined || cascade === undefined) return undefined;
  const stage = `${path} (coarse stage)`;
  if (decodeModel(bytes, stage).metadata[COARSE_KEY] !== undefined) {
    throw new InputError('E_CASCADE', `${stage} has a coarse stage itself; there are two stages at most.`);
  }
  const file = await readModelFile({ read: async () => bytes, exists: async () => false }, stage);
  return { models: [file], marginMm: cascade.marginMm };
}

/** Facts about a model from the caller. */
export interface KnownFacts {
  /** Facts that override all others, for example flags. */
  readonly given?: Partial<ModelMetadata>;
  /** Facts that are used if no other source has them. */
  readonly assumed?: Partial<ModelMetadata>;
}

/**
 * Reads a model and its facts. Later sources override earlier ones: assumed facts, the graph, the metadata, the JSON
 * beside it, given facts.
 * @throws {InputError} E_FILE_MISSING, E_MODEL_CORRUPT, E_MODEL_CHANGED, E_MODEL_WEIGHTS, E_MODEL_KIND; E_MODEL_INFO if
 * a source is malformed or a required fact is missing; E_MODEL_LABELS if the output does not have a channel for each
 * class; E_CASCADE if its coarse stage cannot be read
 */
export async function readModelFile(
  files: Pick<Files, 'read' | 'exists'>,
  path: string,
  { given = {}, assumed = {} }: KnownFacts = {},
): Promise<ModelFile> {
  const { bytes, model } = await readWhole(files, path);
  const own = ownFacts(model.metadata);
  const beside = `${path.replace(/\.(onnx|pt|pth|ckpt|keras|h5)$/i, '')}.json`;
  const said = (await files.exists(beside)) ? { path: beside, text: await readText(files, beside) } : undefined;
  const stated = {
    ...(own !== undefined && parseFacts(own.text, `${path} (metadata ${own.key})`)),
    ...(said && parseFacts(said.text, beside)),
    ...given,
  };
  const { facts: graph, outputChannels, givesLabels, notes } = factsOfGraph(model, stated, path);
  const result = metadataSchema.safeParse({ ...UNSAID_FACTS, ...assumed, ...graph, ...stated });
  if (!result.success) {
    const missing = [...new Set(result.error.issues.map(issue => issue.path.join('.')))];
    throw new MissingFactsError(
      missing,
      `${path} lacks ${missing.join(', ')}. Write them into ${beside}, for example ` +
        '{ "labels": ["background", "tumour"], "normalize": "z-score", "activation": "softmax", "patch": [depth, height, width] }, or ' +
        'give them as flags.',
    );
  }
  const metadata = result.data;
  if (metadata.nnunet !== undefined) assertPipelineStays(given, path);
  const info = infoOf(metadata);
  if (outputChannels !== undefined) assertChannels(outputChannels, { path, beside, metadata });
  const coarse = await readCoarse(model, metadata, path);
  const read = { path, bytes, metadata, info, ...(said && { beside: said }), ...(coarse && { coarse }) };
  if (own !== undefined) return read;
  const axes = stated.axes === undefined ? `${metadata.axes} (nobody says otherwise)` : metadata.axes;
  const text = `${path}: axes ${axes}, window ${formatShape(metadata.patch)} (z, y, x), output "${metadata.outputName}", activation ${metadata.activation}`;
  return { ...read, givesLabels, notes: [...notes, { isDoubt: false, text }] };
}

/** SHA-256 of models as they were read and of the facts beside them, by path. */
export function hashesOfModels(
  { sha256 }: { readonly sha256: (bytes: Uint8Array) => string },
  models: readonly ModelFile[],
): Readonly<Record<string, string>> {
  const facts = models.flatMap(({ beside }) => beside ?? []);
  return Object.fromEntries([
    ...models.map(({ path, bytes }) => [path, sha256(bytes)]),
    ...facts.map(({ path, text }) => [path, sha256(new TextEncoder().encode(text))]),
  ]);
}

/** Logs how models from elsewhere were interpreted. */
export function logNotes(files: readonly ModelFile[], progress: Pick<Progress, 'log' | 'warn'>): void {
  for (const { isDoubt, text } of files.flatMap(({ notes }) => notes ?? [])) {
    if (isDoubt) progress.warn(text);
    else progress.log(text);
  }
}

/** The missing operators that prevented a model from loading, if that is the reason. */
function missingOperators(reason: string, custom: readonly string[]): string | undefined {
  if (custom.length > 0) return custom.join(', ');
  const [, name, version] = /implementation for (\w+)\((\d+)\)/.exec(reason) ?? [];
  return name === undefined ? undefined : `${name} (operator set ${version})`;
}

/**
 * Loads a model; the input and output of its session are [N, C, D, H, W] whatever the model's own order, with classes
 * if channels are grouped.
 * @throws {InputError} E_MODEL_OPERATOR for operators that are not ONNX Runtime's, E_MODEL_LOAD for any other reason,
 * with the path
 */
export async function openModel(engine: Engine, file: ModelFile): Promise<Session> {
  const { bytes, metadata, path, groups, givesLabels } = file;
  try {
    const asked = addOutputs(bytes, [metadata.outputName], path);
    const session = withStandardAxes(await engine.load(asked), metadata.axes);
    const { values } = outputClasses(metadata);
    const scored = givesLabels === true ? withOneHotLabels(session, { ...metadata, values }) : session;
    return groups === undefined ? scored : withChannelGroups(scored, groups, metadata);
  } catch (cause) {
    if (!(cause instanceof InputError)) throw cause;
    const missing = missingOperators(cause.message, decodeModel(bytes, path).customOperators);
    if (missing === undefined) throw new InputError(cause.code, `${path}: ${cause.message}`, { cause });
    throw new InputError(
      'E_MODEL_OPERATOR',
      `${path} uses operators that ONNX Runtime does not have: ${missing}. Export it with standard operators only, or with an earlier ` +
        'operator set.',
      { cause },
    );
  }
}
