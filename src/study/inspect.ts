/** Describes a file or folder: a model, a volume or a run. */

import { z } from 'zod';
import { InputError } from '../core/errors.ts';
import { extentOf } from '../core/extent.ts';
import { elementCount } from '../core/shape.ts';
import { isDicomFolder, type ReadVolumeOptions, readVolume, type VolumeSources } from '../data/volume-file.ts';
import { formatOfName, VOLUME_ENDINGS } from '../data/volume-name.ts';
import { COARSE_KEY, embeddedCoarse, ownFacts } from '../experiment/embedded-coarse.ts';
import { type ModelOutlook, modelOutlook } from '../experiment/model-outlook.ts';
import { importModelFile } from '../experiment/model-source.ts';
import { ARMS } from '../experiment/record.ts';
import { importerOf } from '../import/importers.ts';
import { type DecodedModel, decodeModel } from '../onnx/decode.ts';
import { assertSealWhole, SEAL_KEY } from '../onnx/seal.ts';
import { elementTypeName, isRealType } from '../onnx/tensor-content.ts';

import type { Files } from '../runtime/files.ts';
import { orientationCode } from '../volume/orientation.ts';
import { compareArms } from './comparison/compare.ts';
import type { ArmSummary } from './comparison/comparison.ts';
import { type Repeat, repeatsOf, runFolder } from './folder.ts';
import { isRun, type ReadRun, readRun } from './read-run.ts';

interface TensorDescription {
  readonly name: string;
  readonly type: string;
  /** Sizes of the axes; a word stands for a size that is known only at run time. */
  readonly shape: readonly (number | string)[];
}

/** Size and cost from the metadata of a voxstill model; for other models only the parameters are known. */
interface InspectedCosts {
  /** Number of parameters from the metadata, otherwise the elements of the initializers that are real numbers. */
  readonly parameters: number;
  /** Multiply-adds of one pass over one patch. */
  readonly multiplyAdds?: number | null | undefined;
  /** Field of view in voxels, x y z. */
  readonly fieldOfView?: readonly number[] | undefined;
  /** Estimated peak memory of a process that runs one patch, and of one that trains the model. */
  readonly inferenceBytes?: number | undefined;
  readonly trainingBytes?: number | undefined;
}

interface ModelDescription extends InspectedCosts {
  readonly kind: 'model';
  readonly path: string;
  readonly bytes: number;
  readonly producer: string;
  readonly inputs: readonly TensorDescription[];
  readonly outputs: readonly TensorDescription[];
  /** Number of uses by operator. */
  readonly operators: Readonly<Record<string, number>>;
  /** Version by domain. */
  readonly operatorSets: Readonly<Record<string, number>>;
  /** Names of inner tensors, which outputName and feature methods may give. */
  readonly tensors: { readonly count: number; readonly last: readonly string[] };
  readonly metadata: Readonly<Record<string, unknown>>;
  /** The coarse stage in the file, which finds the region that the model segments. */
  readonly coarse?: ModelDescription;
  /** What it can be used for as it stands. */
  readonly use?: ModelOutlook;
  /** Notes on an imported model, one sentence each. */
  readonly notes?: readonly string[];
}

interface VolumeDescription {
  readonly kind: 'volume';
  readonly path: string;
  readonly sizeVoxels: readonly number[];
  readonly channels: number;
  readonly spacingMm: readonly number[];
  readonly affine: readonly number[];
  /** Directions of the axes x, y, z, for example LPS. */
  readonly axes: string;
  readonly dataType: string;
  /** Smallest value of the finite voxels; maximum and mean are over the same voxels. */
  readonly minimum: number;
  readonly maximum: number;
  readonly mean: number;
  /** Number of voxels that are NaN or infinite. */
  readonly notFinite: number;
  readonly warnings: readonly string[];
}

interface RunDescription {
  readonly kind: 'run';
  readonly path: string;
  readonly status: string;
  readonly arms: Readonly<Record<string, ArmSummary>>;
  /** Costs by arm, for the finished models of the first seed. */
  readonly models: Readonly<Record<string, InspectedCosts>>;
}

export type Description = ModelDescription | VolumeDescription | RunDescription;

const LISTED_TENSORS = 20;

/** Parses metadata that is JSON, as in voxstill models; anything else stays text. */
function readable(value: string): unknown {
  try {
    return JSON.parse(value);
  } catch {
    return value;
  }
}

/** Costs in the facts of a voxstill model; counting initializers would include constants such as scales. */
const ownCosts = z.object({
  parameters: z.int(),
  multiplyAdds: z.number().nullish(),
  fieldOfView: z.array(z.int()).optional(),
  inferenceBytes: z.int().optional(),
  trainingBytes: z.int().optional(),
  cascade: z.object({ marginMm: z.number() }).optional(),
});

function costsOf(model: DecodedModel): InspectedCosts {
  const own = ownCosts.safeParse(readable(ownFacts(model.metadata)?.text ?? ''));
  if (own.success) {
    const { fieldOfView, cascade: _, ...costs } = own.data;
    return { ...costs, ...(fieldOfView && { fieldOfView: fieldOfView.toReversed() }) };
  }
  const weights = model.initializers.filter(({ elementType }) => isRealType(elementType));
  return { parameters: weights.reduce((sum, { shape }) => sum + elementCount(shape.map(Number)), 0) };
}

/** The bytes of the coarse stage in a file; one that is damaged is left to whoever uses it. */
function coarseStageOf(model: DecodedModel, path: string): Uint8Array | undefined {
  if (model.metadata[COARSE_KEY] === undefined) return undefined;
  const facts = ownCosts.safeParse(readable(ownFacts(model.metadata)?.text ?? ''));
  return embeddedCoarse(model.metadata, facts.data?.cascade, path);
}

async function describeModel(bytes: Uint8Array, path: string): Promise<ModelDescription> {
  const model = decodeModel(bytes, path);
  await assertSealWhole(bytes, model.metadata[SEAL_KEY], path);
  const tensors = (infos: typeof model.inputs): TensorDescription[] =>
    infos.map(({ name, shape, elementType }) => ({ name, type: elementTypeName(elementType), shape }));
  const { [COARSE_KEY]: _, ...texts } = model.metadata;
  const metadata = Object.fromEntries(Object.entries(texts).map(([key, value]) => [key, readable(value)]));
  const coarse = coarseStageOf(model, path);
  return {
    kind: 'model',
    path,
    bytes: bytes.length,
    producer: model.producer,
    inputs: tensors(model.inputs),
    outputs: tensors(model.outputs),
    ...costsOf(model),
    operators: Object.fromEntries(model.operators),
    operatorSets: Object.fromEntries(
      [...model.operatorSets].map(([domain, version]) => [domain || 'ai.onnx', version]),
    ),
    tensors: { count: model.results.length, last: model.results.slice(-LISTED_TENSORS) },
    metadata,
    ...(coarse && { coarse: await describeModel(coarse, `${path} (coarse stage)`) }),
  };
}

/** Costs of the finished models of a run's first fold and seed. */
async function modelsOf(files: Files, { folder, repeats }: ReadRun): Promise<Readonly<Record<string, InspectedCosts>>> {
  const paths = runFolder(folder, repeats);
  const [first] = repeatsOf(repeats) as readonly [Repeat];
  const costs: Record<string, InspectedCosts> = {};
  for (const arm of ARMS) {
    const { model: path } = paths.arm(arm, first);
    if (!(await files.exists(path))) continue;
    const { parameters, multiplyAdds, fieldOfView, inferenceBytes, trainingBytes } = await describeModel(
      await files.read(path),
      path,
    );
    costs[arm] = { parameters, multiplyAdds, fieldOfView, inferenceBytes, trainingBytes };
  }
  return costs;
}

async function describeVolume(
  sources: VolumeSources,
  path: string,
  options: ReadVolumeOptions,
): Promise<VolumeDescription> {
  const { volume, dataType, warnings } = await readVolume(sources, path, options);
  const { min: minimum, max: maximum, finite } = extentOf(volume.data);
  const sum = volume.data.reduce((total, value) => (Number.isFinite(value) ? total + value : total), 0);
  return {
    kind: 'volume',
    path,
    sizeVoxels: volume.sizeVoxels,
    channels: volume.channels,
    spacingMm: volume.spacingMm,
    affine: volume.affine,
    axes: orientationCode(volume.affine),
    dataType,
    minimum,
    maximum,
    mean: sum / finite,
    notFinite: volume.data.length - finite,
    warnings: warnings.map(({ code, message }) => `${code}: ${message}`),
  };
}

/**
 * Describes the file or folder at a path.
 * @param options which of several DICOM series is meant
 * @throws {InputError} E_INSPECT if its kind is unknown; the decoders' errors if it is damaged
 */
export async function inspectPath(
  sources: VolumeSources,
  path: string,
  options: ReadVolumeOptions = {},
): Promise<Description> {
  const { files } = sources;
  if (await isRun(files, path)) {
    const run = await readRun(files, path);
    const { arms, record } = run;
    const status = record?.status ?? 'unknown';
    return { kind: 'run', path, status, arms: compareArms(arms).arms, models: await modelsOf(files, run) };
  }
  if (/\.onnx$/i.test(path)) {
    const bytes = await files.read(path);
    return { ...(await describeModel(bytes, path)), use: await modelOutlook(files, path, bytes) };
  }
  if ((await importerOf(files, path)) !== undefined) {
    const { file, notes } = await importModelFile(files, path);
    return { ...(await describeModel(file.bytes, path)), ...(notes.length > 0 && { notes }) };
  }
  const isVolume = formatOfName(path) !== undefined || (await isDicomFolder(sources, path, { nested: true }));
  if (isVolume) return describeVolume(sources, path, options);
  if (!(await files.exists(path))) throw new InputError('E_FILE_MISSING', `there is no file or folder ${path}`);
  throw new InputError(
    'E_INSPECT',
    `${path} is neither a model (.onnx), nor a volume (${VOLUME_ENDINGS}, a folder with a DICOM series), nor the folder of a run.`,
  );
}
