/**
 * The facts about a model that are needed to use it, and those that an ONNX graph contains. Triples are [D, H, W] if
 * they count voxels of the model, and x, y, z if they are millimetres, as in the metadata of voxstill models.
 */

import { z } from 'zod';
import { InputError } from '../core/errors.ts';
import { elementCount, type Triple, type Xyz } from '../core/shape.ts';
import { AXIS_ORDERS, type Axes, standardShape } from '../inference/axes.ts';
import type { DecodedModel } from '../onnx/decode.ts';
import { lastOperator } from '../onnx/last-operator.ts';
import type { FileValueInfo } from '../onnx/read-model.ts';
import { isNumberType, isRealType } from '../onnx/tensor-content.ts';
import {
  expectedDiceErrorsSchema,
  temperatureFitSchema,
  thresholdsSchema,
  thresholdTrialSchema,
} from '../recipe/schema/confidence.ts';
import { structureCodeSchema } from '../recipe/schema/labels.ts';
import { normalizationSchema } from '../recipe/schema/normalization.ts';
import { postprocessingSchema, postprocessingTrialSchema } from '../recipe/schema/postprocessing.ts';
import { CROPS } from '../volume/nonzero.ts';
import { chooseOutput, describeTensor, fixedTriple, isFixed, type OutputNote } from './model-outputs.ts';
import { nnunetPipelineSchema } from './nnunet-schema.ts';
import { trainingFactsSchema } from './training-facts-schema.ts';

const positive = z.number().gt(0);
const triple = <T extends z.ZodType>(item: T) => z.tuple([item, item, item]).readonly();
const alongXyz = (item: z.ZodType<number>): z.ZodType<Xyz> => triple(item);
const alongZyx = (item: z.ZodType<number>): z.ZodType<Triple> => triple(item);
const labelValue = z.int().min(0).max(65_535);

const labelInFull = z.object({
  value: labelValue,
  name: z.string().min(1),
  /** The label values that make up a region; regions are written over each other in the order of the list. */
  region: z.array(labelValue).min(1).readonly().optional(),
  /** What it is, in a coding scheme. */
  code: structureCodeSchema.optional(),
});

/** The classes: in full, by name (values follow from the order), or by value alone. */
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
  /** What is cut away of volumes before anything else; nothing if not given. */
  crop: z.enum(CROPS).optional(),
  /** Spacing x, y, z in mm; null if volumes are not resampled. */
  spacingMm: alongXyz(positive).nullable(),
  /** How images are resampled to that spacing. */
  imageInterpolation: z.enum(['linear', 'cubic', 'nnunet']),
  /** RAS: volumes are turned so that their axes run right, anterior, superior; null if they are used as stored. */
  orientation: z.enum(['RAS']).nullable(),
  /** Normalisation: one method for all channels, or one per channel. */
  normalize: normalizationSchema,
  /** Size of the window, [D, H, W] = z, y, x. */
  patch: alongZyx(z.int().min(1)),
  /** Size [D, H, W] of the output, in the middle of the patch; the whole patch if not given. */
  output: alongZyx(z.int().min(1)).optional(),
  /** The only batch size that the model accepts; any if not given. */
  batch: z.int().min(1).optional(),
  activation: z.enum(['softmax', 'sigmoid', 'none']),
  /** Default axes of test-time mirroring for this model. */
  mirror: z
    .array(z.enum(['x', 'y', 'z']))
    .readonly()
    .optional(),
  /** nnU-Net's preparation of volumes, if the model needs it. */
  nnunet: nnunetPipelineSchema.optional(),
  /** Margin around what the coarse stage in the same file finds; absent for a model of whole volumes. */
  cascade: z.object({ marginMm: z.number().min(0) }).optional(),
  /** Post-processing by class name; none if not given. */
  postprocess: postprocessingSchema.optional(),
  /** Comparisons on validation cases that chose the post-processing. */
  postprocessTrials: z.array(postprocessingTrialSchema).readonly().optional(),
  /** Thresholds by class name; where it is not given, the most likely class wins. */
  thresholds: thresholdsSchema.optional(),
  /** Comparisons on validation cases that chose the thresholds. */
  thresholdTrials: z.array(thresholdTrialSchema).readonly().optional(),
  /** Temperature that calibrates the probabilities, and how it was fitted. */
  temperature: positive.optional(),
  temperatureFit: temperatureFitSchema.optional(),
  /** How near the true Dice is to the expected one, by class name. */
  expectedDiceErrors: expectedDiceErrorsSchema.optional(),
  inputName: z.string().min(1),
  outputName: z.string().min(1),
  /** Number of trained parameters. */
  parameters: z.int().min(0),
  /** Multiply-adds for one patch; null if unknown. */
  multiplyAdds: z.number().min(0).nullable(),
  /** Field of view in voxels, [D, H, W]. */
  fieldOfView: alongZyx(z.int().min(1)).optional(),
  /** Estimated peak memory of a process that trains it as it was trained, and of one that runs one patch. */
  trainingBytes: z.int().min(0).optional(),
  inferenceBytes: z.int().min(0).optional(),
  /** Order of the model's axes. */
  axes: z.enum(AXIS_ORDERS),
  /** What its training cases were like; absent where nobody says. */
  training: trainingFactsSchema.optional(),
  /** How small its numbers are; absent in a model of float32. */
  precision: z.enum(['8bit', 'float16']).optional(),
  /** SHA-256 of the file that a smaller form was made of. */
  madeFrom: z.string().optional(),
});

/** The facts of a model, as written in its metadata or beside it. */
export type ModelMetadata = Readonly<z.output<typeof metadataSchema>>;

/** Facts that are assumed if none are given. */
export const UNSAID_FACTS = {
  spacingMm: null,
  orientation: null,
  imageInterpolation: 'linear',
  multiplyAdds: null,
} as const satisfies Partial<ModelMetadata>;

/** Facts from the graph of a model, and notes for the user. */
export interface GraphFacts {
  readonly facts: Partial<ModelMetadata>;
  /** Number of channels of the output, if the graph has it. */
  readonly outputChannels?: number;
  /** Whether the output is one label per voxel. */
  readonly givesLabels: boolean;
  readonly notes: readonly OutputNote[];
}

/** The input of that name, or the only one. */
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

/** Default order of axes, by their number. */
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

/** Possible numbers of output channels for these labels. */
function channelsFor(labels: ModelMetadata['labels'] | undefined): readonly number[] | undefined {
  return labels && [labels.length, labels.filter(({ value }) => value !== 0).length];
}

/** Operators whose results are probabilities. */
const PROBABILITY_OPERATORS = ['Softmax', 'Sigmoid', 'HardSigmoid'];

/** The activation that follows from the end of the graph; an error if another is stated. */
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
 * The facts of the graph, given the stated facts.
 * @throws {InputError} E_MODEL_KIND if it cannot be a segmentation model; E_MODEL_INFO for a name that does not exist;
 * E_MODEL_ACTIVATION if its end contradicts the activation that is stated
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
