/**
 * What must be known of a model to use it, and how much of it an ONNX graph says by itself. Triples are [D, H, W] where they count voxels
 * of the model and x, y, z where they are millimetres, as in the metadata of our own models.
 */
import { z } from 'zod';
import { InputError } from '../core/errors.ts';
import { elementCount, sameShape, type Triple } from '../core/shape.ts';
import { AXES, standardShape } from '../inference/axes.ts';
import type { DecodedModel } from '../onnx/decode.ts';
import { normalizationSchema } from '../recipe/normalization-schema.ts';
import { postprocessingSchema, postprocessingTrialSchema } from '../recipe/postprocessing-schema.ts';
import { nnunetPipelineSchema } from './nnunet-schema.ts';

const positive = z.number().gt(0);
const triple = <T extends z.ZodType>(item: T) => z.tuple([item, item, item]).readonly();
const labelValue = z.int().min(0).max(255);

const labelInFull = z.object({
  value: labelValue,
  name: z.string().min(1),
  /** The label values that make up a region; regions are written over each other in the order of the list. */
  region: z.array(labelValue).min(1).readonly().optional(),
});

/** The classes: in full, or by name (values follow from the order), or by value alone. */
const labels = z
  .array(z.union([labelInFull, z.string().min(1), labelValue]))
  .min(1)
  .transform(items =>
    items.map((item, index) => {
      if (typeof item === 'object') return item;
      return typeof item === 'string' ? { value: index, name: item } : { value: item, name: String(item) };
    }),
  )
  .readonly();

export const metadataSchema = z.object({
  labels,
  channels: z.int().min(1),
  /** x, y, z; null where volumes are taken as they are. */
  spacingMm: triple(positive).nullable(),
  /** How images are resampled to that spacing. */
  imageInterpolation: z.enum(['linear', 'cubic', 'nnunet']),
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
  /** Axes along which it also sees each window flipped, unless somebody says otherwise. */
  mirror: z
    .array(z.enum(['x', 'y', 'z']))
    .readonly()
    .optional(),
  /** Where it is used as nnU-Net uses its networks. */
  nnunet: nnunetPipelineSchema.optional(),
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
  /** Voxels, [D, H, W]. */
  fieldOfView: triple(z.int().min(1)).optional(),
  /** Estimated peak memory of a process that trains it as it was trained, and of one that runs one patch. */
  trainingBytes: z.int().min(0).optional(),
  inferenceBytes: z.int().min(0).optional(),
  /** Order of the model's axes. */
  axes: z.enum(AXES),
});

/** The facts of a model, as they stand in its metadata or beside it. */
export type ModelMetadata = Readonly<z.output<typeof metadataSchema>>;

/** What is taken of a model of which nobody says otherwise. */
export const UNSAID_FACTS = {
  spacingMm: null,
  orientation: null,
  imageInterpolation: 'linear',
  multiplyAdds: null,
} as const satisfies Partial<ModelMetadata>;

type TensorInfo = DecodedModel['inputs'][number];

const FLOAT32 = 1;
const RANK = 5;

/** A size that a graph states; a word or 0 is one that is known only at run time. */
function isFixed(item: number | string | undefined): item is number {
  return typeof item === 'number' && item > 0;
}

/** The tensor of that name; without a name the only one, or the first of several outputs. */
function findTensor(
  infos: readonly TensorInfo[],
  side: { readonly path: string; readonly kind: 'input' | 'output'; readonly name: string | undefined },
): TensorInfo {
  const { path, kind, name } = side;
  const names = infos.map(info => info.name).join(', ');
  if (name === undefined && kind === 'input' && infos.length !== 1) {
    throw new InputError(
      'E_MODEL_KIND',
      `${path} takes ${infos.length} inputs (${names}); a segmentation model takes one image.`,
    );
  }
  const found = name === undefined ? infos[0] : infos.find(info => info.name === name);
  if (found === undefined) {
    throw new InputError('E_MODEL_INFO', `${path} has no ${kind} "${name}"; it has ${names}. Correct ${kind}Name.`);
  }
  return found;
}

/** Whether a tensor may hold volumes; what the graph leaves open shows when the model runs. */
function assertVolumes(path: string, kind: 'input' | 'output', { name, elementType, shape }: TensorInfo): void {
  const isFloat = elementType === 0 || elementType === FLOAT32;
  if (isFloat && (shape.length === 0 || shape.length === RANK)) return;
  const type = isFloat ? 'float32' : `element type ${elementType}`;
  throw new InputError(
    'E_MODEL_KIND',
    `${path} is not a segmentation model of volumes: its ${kind} "${name}" is ${type} [${shape.join(', ')}]; needed is float32 with ` +
      'five axes: samples, channels and the three of space.',
  );
}

/**
 * What the graph itself says, given what somebody states.
 * @throws {InputError} E_MODEL_KIND if it cannot be a segmentation model of volumes; E_MODEL_INFO for a name that it has not
 */
export function factsOfGraph(
  model: DecodedModel,
  stated: Partial<ModelMetadata>,
  path: string,
): Partial<ModelMetadata> & { readonly outputChannels?: number } {
  const { axes = 'NCZYX' } = stated;
  const input = findTensor(model.inputs, { path, kind: 'input', name: stated.inputName });
  const output = findTensor(model.outputs, { path, kind: 'output', name: stated.outputName });
  assertVolumes(path, 'input', input);
  assertVolumes(path, 'output', output);
  const [batch, channels, ...spatial] = standardShape(input.shape, axes) ?? [];
  const [, outputChannels, ...given] = standardShape(output.shape, axes) ?? [];
  const triple = (sizes: readonly (number | string)[]): Triple | undefined =>
    sizes.length === 3 && sizes.every(isFixed) ? (sizes as unknown as Triple) : undefined;
  const [patch, outputSize] = [triple(spatial), triple(given)];
  const weights = model.initializers.filter(({ shape }) => shape.length > 1);
  return {
    ...(isFixed(channels) && { channels }),
    ...(isFixed(batch) && { batch }),
    ...(isFixed(outputChannels) && { outputChannels }),
    ...(patch !== undefined && { patch }),
    ...(patch !== undefined && outputSize !== undefined && !sameShape(patch, outputSize) && { output: outputSize }),
    inputName: input.name,
    outputName: output.name,
    parameters: weights.reduce((sum, { shape }) => sum + elementCount(shape.map(Number)), 0),
    axes,
  };
}
