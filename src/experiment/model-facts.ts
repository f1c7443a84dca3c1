/**
 * What must be known of a model to use it, and how much of it an ONNX graph says by itself. Triples are [D, H, W] where they count voxels
 * of the model and x, y, z where they are millimetres, as in the metadata of our own models.
 */

import { z } from 'zod';
import { InputError } from '../core/errors.ts';
import { elementCount, type Triple, type Xyz } from '../core/shape.ts';
import { AXIS_ORDERS, type Axes, standardShape } from '../inference/axes.ts';
import type { DecodedModel } from '../onnx/decode.ts';
import { lastOperator } from '../onnx/last-operator.ts';
import type { FileValueInfo } from '../onnx/read-model.ts';
import { isNumberType, isRealType } from '../onnx/tensor-content.ts';
import { normalizationSchema } from '../recipe/normalization-schema.ts';
import { postprocessingSchema, postprocessingTrialSchema } from '../recipe/postprocessing-schema.ts';
import { chooseOutput, describeTensor, fixedTriple, isFixed, type OutputNote } from './model-outputs.ts';
import { nnunetPipelineSchema } from './nnunet-schema.ts';

const positive = z.number().gt(0);
const triple = <T extends z.ZodType>(item: T) => z.tuple([item, item, item]).readonly();
const alongXyz = (item: z.ZodType<number>): z.ZodType<Xyz> => triple(item);
const alongZyx = (item: z.ZodType<number>): z.ZodType<Triple> => triple(item);
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
  spacingMm: alongXyz(positive).nullable(),
  /** How images are resampled to that spacing. */
  imageInterpolation: z.enum(['linear', 'cubic', 'nnunet']),
  /** RAS: volumes are turned to axes that run right, anterior, superior; null where they are taken as they are. */
  orientation: z.enum(['RAS']).nullable(),
  /** One method for all channels, or one per channel. */
  normalize: normalizationSchema,
  /** [D, H, W] = z, y, x. */
  patch: alongZyx(z.int().min(1)),
  /** [D, H, W] of what the model gives, in the middle of the patch; the whole patch if not given. */
  output: alongZyx(z.int().min(1)).optional(),
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
  fieldOfView: alongZyx(z.int().min(1)).optional(),
  /** Estimated peak memory of a process that trains it as it was trained, and of one that runs one patch. */
  trainingBytes: z.int().min(0).optional(),
  inferenceBytes: z.int().min(0).optional(),
  /** Order of the model's axes. */
  axes: z.enum(AXIS_ORDERS),
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

/** What a graph says of a model, and what is to be told of it. */
export interface GraphFacts {
  readonly facts: Partial<ModelMetadata>;
  /** Of the output, where the graph says. */
  readonly outputChannels?: number;
  /** Whether the output is one label per voxel. */
  readonly givesLabels: boolean;
  readonly notes: readonly OutputNote[];
}

/** The input of that name; without a name the only one. */
function findInput({ inputs }: DecodedModel, name: string | undefined, path: string): FileValueInfo {
  const names = inputs.map(info => info.name).join(', ');
  if (name === undefined && inputs.length !== 1) {
    throw new InputError(
      'E_MODEL_KIND',
      `${path} takes ${inputs.length} inputs (${names}); a segmentation model takes one image.`,
    );
  }
  const found = name === undefined ? inputs[0] : inputs.find(info => info.name === name);
  if (found !== undefined) return found;
  throw new InputError('E_MODEL_INFO', `${path} has no input "${name}"; it has ${names}. Correct inputName.`);
}

/** What axes are taken to be of which nobody says anything, by their number. */
const USUAL_AXES: Readonly<Record<number, Axes>> = { 5: 'NCZYX', 4: 'NCYX' };

/** The order of the input's axes. */
function axesOf(input: FileValueInfo, stated: Axes | undefined, path: string): Axes {
  const rank = input.shape.length === 0 ? 5 : input.shape.length;
  const axes = stated ?? USUAL_AXES[rank];
  if (isNumberType(input.elementType) && axes !== undefined && axes.length === rank) return axes;
  const choices = AXIS_ORDERS.filter(one => one.length === rank).join(', ');
  throw new InputError(
    'E_MODEL_KIND',
    `${path} is not a segmentation model of volumes or planes${stated === undefined ? '' : ` with axes ${stated}`}: its input ` +
      `"${input.name}" is ${describeTensor(input)}. ` +
      (choices === ''
        ? 'Images have three to five axes.'
        : `Orders of its axes that are known: ${choices}; say which (axes).`),
  );
}

/** Numbers of channels that an output can have for these labels. */
function channelsFor(labels: ModelMetadata['labels'] | undefined): readonly number[] | undefined {
  return labels && [labels.length, labels.filter(({ value }) => value !== 0).length];
}

/** Operators whose results are probabilities. */
const PROBABILITY_OPERATORS = ['Softmax', 'Sigmoid', 'HardSigmoid'];

/** The activation that the end of the graph leaves open, refused where somebody says another. */
function activationOf(
  model: DecodedModel,
  {
    stated,
    output,
    path,
    givesLabels,
  }: {
    readonly stated: ModelMetadata['activation'] | undefined;
    readonly output: string;
    readonly path: string;
    readonly givesLabels: boolean;
  },
): ModelMetadata['activation'] | undefined {
  const last = lastOperator(model, output);
  const isDone = givesLabels || (last !== undefined && PROBABILITY_OPERATORS.includes(last.op));
  if (!isDone || stated === undefined || stated === 'none') return isDone ? 'none' : stated;
  const what = givesLabels ? 'labels' : `probabilities: its last operator is ${last?.op}`;
  throw new InputError(
    'E_MODEL_ACTIVATION',
    `the output "${output}" of ${path} is ${what}, but its activation is said to be ${stated}. Say none` +
      (last === undefined ? '.' : `, or name the tensor before it, "${last.input}", as the output.`),
  );
}

/**
 * What the graph itself says, given what somebody states.
 * @throws {InputError} E_MODEL_KIND if it cannot be a segmentation model; E_MODEL_INFO for a name that it has not; E_MODEL_ACTIVATION if its end
 * contradicts the activation that is stated
 */
export function factsOfGraph(model: DecodedModel, stated: Partial<ModelMetadata>, path: string): GraphFacts {
  const input = findInput(model, stated.inputName, path);
  const axes = axesOf(input, stated.axes, path);
  const [batch, channels, ...spatial] = standardShape(input.shape, axes) ?? [];
  const patch = fixedTriple(spatial);
  const output = chooseOutput(model, {
    name: stated.outputName,
    path,
    axes,
    window: patch ?? stated.patch,
    statedSize: stated.output,
    channels: channelsFor(stated.labels),
  });
  const givesLabels = output.gives === 'labels';
  const activation = activationOf(model, {
    stated: stated.activation,
    output: output.info.name,
    path,
    givesLabels,
  });
  const weights = model.initializers.filter(({ shape, elementType }) => shape.length > 1 && isRealType(elementType));
  return {
    facts: {
      ...(isFixed(channels) && { channels }),
      ...(isFixed(batch) && { batch }),
      ...(patch !== undefined && { patch }),
      ...(patch !== undefined && output.size !== undefined && { output: output.size }),
      ...(activation !== undefined && { activation }),
      inputName: input.name,
      outputName: output.info.name,
      parameters: weights.reduce((sum, { shape }) => sum + elementCount(shape), 0),
      axes,
    },
    ...(output.channels !== undefined && !givesLabels && { outputChannels: output.channels }),
    givesLabels,
    notes: output.notes,
  };
}
