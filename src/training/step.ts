/**
 * One training step as ONE graph: forward, losses, gradients, clipping, optimizer update; with distillation also the frozen teacher's
 * forward pass on the very same patch. Inputs: image [N, C, D, H, W], label int32 [N labelled, 1, D, H, W], theta and the optimizer's
 * state (flat), hyper (a small vector of everything that changes by step), and where terms have adapters, their vector. Outputs:
 * `theta.next`, `<state>.next`, and the loss terms. Where a result covers only the middle of the patch (valid padding), label and logits
 * are cropped to what both cover.
 */

import { gradient } from '../autodiff/gradient.ts';
import { elementCount, type Shape, type Triple } from '../core/shape.ts';
import { decompose } from '../graph/decompose.ts';
import { fuse } from '../graph/fuse.ts';
import { type Graph, GraphBuilder, isOp, reachable, type Value } from '../graph/graph.ts';
import { spatial } from '../graph/infer.ts';
import type { ChannelGroups } from '../inference/channel-groups.ts';
import {
  collectFeatures,
  constantParameters,
  flatParameters,
  type Network,
  type ParameterSpec,
  parameterCount,
} from '../nn/parameters.ts';
import { cropCentre } from '../nn/resize.ts';
import { addRegularization, clipByNorm, gradientNorm } from '../optim/clipping.ts';
import type { Optimizer } from '../optim/optimizer.ts';
import { assertWholePatch, commonSize, croppedLogits, withSize } from './coverage.ts';
import {
  type DistillationContext,
  type DistillationTerm,
  distillationHyperNames,
  distillationValues,
  LOGITS,
  planDistillation,
  sideOf,
  studentLayers,
  teacherLayers,
} from './distillation.ts';
import { type HardLossOptions, hardLossTerms, isSigmoid } from './hard-loss.ts';
import { taughtLayers, taughtMaps } from './taught-classes.ts';

/** A network with its parameter table. */
export interface Model {
  readonly network: Network;
  readonly specs: readonly ParameterSpec[];
}

/** A teacher whose forward pass on the same patch is part of the step. */
export interface FrozenTeacher extends Model {
  readonly theta: Float32Array;
}

/**
 * A teacher that is run elsewhere: the step takes its logits as the input `teacherLogits` and its other layers, where a term names them,
 * as `teacherFeature:<name>`.
 */
export interface ExternalTeacher {
  /** Shapes for the batch of the step, by the names that terms may use. */
  readonly features: Readonly<Record<string, Shape>>;
  /** Size of its logits, D, H, W, in the middle of the patch; the whole patch if not given. */
  readonly output?: Triple;
  /** The student's channels that each of its classes covers, where it tells fewer apart; one each, in order, if not given. */
  readonly classes?: ChannelGroups | undefined;
}

export interface StepOptions {
  readonly student: Model;
  /** [N, C, D, H, W] */
  readonly imageShape: Shape;
  /** The last samples of a batch, those without labels: the hard loss does not see them, soft terms do. None if not given. */
  readonly unlabelled?: number;
  readonly hardLoss: HardLossOptions;
  readonly optimizer: Optimizer;
  readonly regularization: { readonly l1: number; readonly l2: number };
  /** Largest gradient norm; null does not clip. */
  readonly clipNorm: number | null;
  readonly distillation?: {
    readonly teacher: FrozenTeacher | ExternalTeacher;
    readonly terms: readonly DistillationTerm[];
  };
}

export interface TrainingStep {
  readonly graph: Graph;
  /** Names of the numbers in `hyper`, in order. */
  readonly hyperNames: readonly string[];
  /** Names of the numbers in `losses`, in order; the first is the total. */
  readonly lossNames: readonly string[];
  /** Parameters that train beside the student's and end with the training: the flat vector {@link ADAPTERS}, if there are any. */
  readonly adapters: readonly ParameterSpec[];
  /** What of an external teacher the graph takes in: `teacherLogits`, `teacherFeature:<name>`. */
  readonly teacherInputs: readonly string[];
}

/** The input of adapters' parameters; the next ones are the output `adapters.next`. */
export const ADAPTERS = 'adapters';

/** Numbers that every step has; annealed class weights add `crossEntropy.balance`, terms `<term>.weight` and `<term>.temperature`. */
const BASE_HYPER = ['learningRate', 'biasCorrection1', 'biasCorrection2', 'dropoutKey'];

/** One number of the step's hyper vector, as a scalar. */
function hyperValue(builder: GraphBuilder, names: readonly string[], name: string): Value {
  const index = names.indexOf(name);
  return builder.reshape(builder.slice(builder.input('hyper', [names.length]), 0, index, index + 1), []);
}

/** Forward pass of a model in a graph of its own, with concatenations and upsamplings folded away, copied into `builder`. */
function forward(
  builder: GraphBuilder,
  options: {
    readonly model: Model;
    readonly imageShape: Shape;
    readonly scope: string;
    /** Frozen, or the name of the input and the numbers of the step of a network in training. */
    readonly theta: Float32Array | { readonly input: string; readonly hyperNames: readonly string[] };
    /** Names of inner images that are wanted beside the logits. */
    readonly layers: readonly string[];
  },
): { readonly layers: ReadonlyMap<string, Value>; readonly updates: ReadonlyMap<string, Value> } {
  const { model, imageShape, scope, theta } = options;
  const own = new GraphBuilder();
  const updates = new Map<string, Value>();
  const layers = new Map<string, Value>();
  const parameters =
    'input' in theta
      ? flatParameters(own, own.input(theta.input, [parameterCount(model.specs)]), model.specs, {
          updates,
          dropoutKey: () => hyperValue(own, theta.hyperNames, 'dropoutKey'),
        })
      : constantParameters(own, theta, model.specs);
  const tap = (name: string, feature: Value): void => {
    if (options.layers.includes(name)) layers.set(name, feature);
  };
  const logits = own.scope(scope, () => model.network(own, own.input('image', imageShape), { ...parameters, tap }));
  layers.set(LOGITS, logits);
  const named = (kind: string, values: ReadonlyMap<string, Value>): (readonly [string, Value])[] =>
    [...values].map(([name, value]) => [`${kind} ${name}`, value]);
  const { outputs } = fuse(builder, {
    outputs: Object.fromEntries([...named('update', updates), ...named('layer', layers)]),
  });
  const copied = (kind: string, values: ReadonlyMap<string, Value>): ReadonlyMap<string, Value> =>
    new Map([...values.keys()].map(name => [name, outputs[`${kind} ${name}`] as Value]));
  return { layers: copied('layer', layers), updates: copied('update', updates) };
}

/**
 * An image by way of another shape, which makes it a row-major tensor: an operator on images of both networks in the blocked layout would
 * give the student the channel packing of the teacher (onnx/blocked/packing.ts).
 */
function rowMajor(builder: GraphBuilder, image: Value): Value {
  return builder.reshape(builder.reshape(image, [elementCount(image.shape)]), image.shape);
}

/** The student's channels of each class of a teacher, where they are not one each. */
function groupsOf(teacher: Pick<Model, 'network'> | ExternalTeacher): ChannelGroups | undefined {
  return 'network' in teacher ? undefined : teacher.classes;
}

/** [N, classes, D, H, W] of an external teacher's logits. */
function externalLogits(
  { output, classes }: ExternalTeacher,
  { image, logits }: { readonly image: Shape; readonly logits: Shape },
): Shape {
  const [samples = 0, channels = 0] = logits;
  return [samples, classes?.length ?? channels, ...(output ?? spatial(image))];
}

/** The teacher's layers: its forward pass, frozen, on the student's patch, or inputs of the graph. */
function teacherValues(
  builder: GraphBuilder,
  { teacher, terms }: NonNullable<StepOptions['distillation']>,
  shapes: { readonly image: Shape; readonly logits: Shape },
): ReadonlyMap<string, Value> {
  const layers = teacherLayers(terms);
  if ('network' in teacher) {
    const options = { model: teacher, imageShape: shapes.image, scope: 'teacher', theta: teacher.theta, layers };
    const own = forward(builder, options).layers;
    return builder.scope('teacher', () => new Map([...own].map(([name, image]) => [name, rowMajor(builder, image)])));
  }
  const features = layers.map(name => [name, builder.input(`teacherFeature:${name}`, teacher.features[name] as Shape)]);
  const logits = builder.input('teacherLogits', externalLogits(teacher, shapes));
  return new Map([...(features as [string, Value][]), [LOGITS, logits]]);
}

/** What decides whether terms and networks fit: all of it is known before anything is trained. */
export interface DistillationPlan extends Pick<StepOptions, 'imageShape' | 'unlabelled' | 'hardLoss'> {
  readonly student: Pick<Model, 'network'>;
  readonly teacher: Pick<Model, 'network'> | ExternalTeacher;
  readonly terms: readonly DistillationTerm[];
}

/**
 * The adapters that a distillation needs.
 * @throws {InputError} E_LAYER, E_DISTILL or E_SHAPE if terms and networks do not fit, naming the term
 */
export function distillationAdapters(plan: DistillationPlan): readonly ParameterSpec[] {
  const { student, teacher, terms, imageShape, hardLoss } = plan;
  const own = collectFeatures(student.network, imageShape);
  const logits = own.get(LOGITS) as Shape;
  const other =
    'network' in teacher
      ? collectFeatures(teacher.network, imageShape)
      : new Map(Object.entries(teacher.features)).set(LOGITS, externalLogits(teacher, { image: imageShape, logits }));
  const taught = other.get(LOGITS) as Shape;
  if (studentLayers(terms).length + teacherLayers(terms).length > 0) {
    assertWholePatch('student', logits, imageShape);
    assertWholePatch('teacher', taught, imageShape);
  }
  const size = commonSize(logits, taught);
  const sigmoid = isSigmoid(hardLoss);
  const [samples = 0, channels = 0] = logits;
  const classes = groupsOf(teacher)?.length ?? channels;
  return planDistillation(terms, {
    student: new Map([...own, [LOGITS, [samples, classes, ...size]]]),
    teacher: new Map([...other, [LOGITS, withSize(taught, size)]]),
    labelled: [labelShape(plan)[0] as number, sigmoid ? classes + 1 : classes, ...size],
    activation: sigmoid ? 'sigmoid' : 'softmax',
  });
}

/**
 * 1 at the entries of convolution kernels in the trainable vector, 0 elsewhere.
 * @param count length of the mask; what is beyond the parameters is 0
 */
export function kernelMask(specs: readonly ParameterSpec[], count = parameterCount(specs)): Float32Array {
  const mask = new Float32Array(count);
  let start = 0;
  for (const spec of specs) {
    const end = start + parameterCount([spec]);
    if (spec.role === 'kernel') mask.fill(1, start, end);
    start = end;
  }
  return mask;
}

/** Shape of the class indices of a batch, [N labelled, 1, D, H, W]. */
export function labelShape({ imageShape, unlabelled = 0 }: Pick<StepOptions, 'imageShape' | 'unlabelled'>): Shape {
  const [samples = 0, , ...spatial] = imageShape;
  return [samples - unlabelled, 1, ...spatial];
}

/** What the update of a step needs to know of the pass before it. */
interface Update {
  readonly total: Value;
  readonly hyper: (name: string) => Value;
  readonly theta: Value;
  /** The student's parameters by name, and the next values of its buffers. */
  readonly values: ReadonlyMap<string, Value>;
  readonly updates: ReadonlyMap<string, Value>;
  /** The adapters' vector with its parameters, if there are any. */
  readonly adapters: { readonly vector: Value; readonly values: ReadonlyMap<string, Value> } | undefined;
}

/**
 * Gradients, clipping and the optimizer over one vector: the student's trainable parameters, then the adapters'. Penalties and weight
 * decay act on the student alone.
 */
function update(
  builder: GraphBuilder,
  { student, optimizer, regularization, clipNorm }: StepOptions,
  { total, hyper, theta, values, updates, adapters }: Update,
): { readonly norm: Value; readonly outputs: Record<string, Value> } {
  const trainable = student.specs.filter(spec => spec.role !== 'buffer');
  const buffers = student.specs.filter(spec => spec.role === 'buffer');
  const own = parameterCount(trainable);
  const vectors = [builder.slice(theta, 0, 0, own), ...(adapters === undefined ? [] : [adapters.vector])];
  const joined = builder.concat(vectors, 0);
  const count = joined.shape[0] as number;
  const targets = [...trainable.map(({ name }) => values.get(name) as Value), ...(adapters?.values.values() ?? [])];
  const gradients = gradient(builder, total, targets);
  return builder.scope('update', () => {
    const flat = builder.concat(
      gradients.map(part => builder.reshape(part, [elementCount(part.shape)])),
      0,
    );
    const norm = gradientNorm(builder, flat);
    const clipped = clipNorm === null ? flat : clipByNorm(builder, flat, norm, clipNorm);
    const mask = kernelMask(trainable, count);
    const next = optimizer.update({
      builder,
      theta: joined,
      gradient: addRegularization(builder, clipped, { theta: joined, mask, ...regularization }),
      state: optimizer.stateNames.map(name => builder.input(name, [count])),
      learningRate: hyper('learningRate'),
      bias: [hyper('biasCorrection1'), hyper('biasCorrection2')],
    });
    const kept = buffers.map(({ name }) => (updates.get(name) ?? values.get(name)) as Value);
    const outputs: Record<string, Value> = {
      'theta.next': builder.concat([builder.slice(next.theta, 0, 0, own), ...kept], 0),
    };
    if (adapters !== undefined) outputs[`${ADAPTERS}.next`] = builder.slice(next.theta, 0, own, count);
    optimizer.stateNames.forEach((name, index) => {
      outputs[`${name}.next`] = next.state[index] as Value;
    });
    return { norm, outputs };
  });
}

/** Builds the graph of a training step. @throws {InputError} if terms of the distillation do not fit the networks */
export function buildTrainingStep(options: StepOptions): TrainingStep {
  const { student, imageShape, hardLoss, distillation } = options;
  const builder = new GraphBuilder();
  const adapters = distillation === undefined ? [] : distillationAdapters({ ...options, ...distillation });
  const softTerms = distillation?.terms ?? [];
  const annealed = hardLoss.crossEntropy.classWeights === 'annealed';
  const hyperNames = [
    ...BASE_HYPER,
    ...(annealed ? ['crossEntropy.balance'] : []),
    ...distillationHyperNames(softTerms),
  ];
  const hyper = (name: string): Value => hyperValue(builder, hyperNames, name);
  const { layers, updates } = forward(builder, {
    model: student,
    imageShape,
    scope: 'student',
    theta: { input: 'theta', hyperNames },
    layers: studentLayers(softTerms),
  });
  const logits = layers.get(LOGITS) as Value;

  const label = builder.input('label', labelShape(options), 'int32');
  const labelled = builder.slice(logits, 0, 0, label.shape[0] as number);
  const covered = cropCentre(builder, label, spatial(logits.shape));
  const balance = annealed ? hyper('crossEntropy.balance') : undefined;
  const hard = builder.scope('loss', () =>
    hardLossTerms(builder, labelled, covered, { ...hardLoss, balance }).map(({ name, value, weight }) => {
      return { name, value, weighted: builder.mul(value, weight) };
    }),
  );
  const vector = adapters.length === 0 ? undefined : builder.input(ADAPTERS, [parameterCount(adapters)]);
  const flat = vector && { vector, values: flatParameters(builder, vector, adapters).values };
  const soft = builder.scope('distillation', () => {
    if (distillation === undefined) return [];
    const other = teacherValues(builder, distillation, { image: imageShape, logits: logits.shape });
    const size = commonSize(logits.shape, (other.get(LOGITS) as Value).shape);
    const groups = groupsOf(distillation.teacher);
    const maps = { channels: logits.shape[1] as number, hardLoss, groups };
    const context: DistillationContext = {
      builder,
      student: sideOf('student', taughtLayers(builder, croppedLogits(builder, layers, size), groups)),
      teacher: sideOf('teacher', croppedLogits(builder, other, size)),
      activation: isSigmoid(hardLoss) ? 'sigmoid' : 'softmax',
      labelled: taughtMaps(builder, cropCentre(builder, label, size), maps),
      hyper,
      adapter: ({ name }) => flat?.values.get(name) as Value,
    };
    return distillationValues(context, softTerms).map(({ name, value }) => {
      return { name, value, weighted: builder.mul(value, hyper(`${name}.weight`)) };
    });
  });
  const terms = [...hard, ...soft];
  const total = terms.map(term => term.weighted).reduce((sum, value) => builder.add(sum, value));

  const theta = builder.input('theta', [parameterCount(student.specs)]);
  const { values } = flatParameters(builder, theta, student.specs);
  const { norm, outputs } = update(builder, options, { total, hyper, theta, values, updates, adapters: flat });
  const losses = [total, ...terms.map(term => term.value), norm].map(value => builder.reshape(value, [1]));
  const graph = decompose(new GraphBuilder(), { outputs: { ...outputs, losses: builder.concat(losses, 0) } });
  return {
    graph,
    hyperNames,
    lossNames: ['total', ...terms.map(term => term.name), 'gradientNorm'],
    adapters,
    teacherInputs: reachable(Object.values(graph.outputs)).flatMap(value =>
      isOp(value, 'Input') && value.attributes.name.startsWith('teacher') ? [value.attributes.name] : [],
    ),
  };
}

/** Forward pass only, parameters as the input `theta`: image to `logits`, for validation while training. */
export function buildForward(model: Model, imageShape: Shape): Graph {
  const builder = new GraphBuilder();
  const own = new GraphBuilder();
  const parameters = flatParameters(own, own.input('theta', [parameterCount(model.specs)]), model.specs);
  const logits = own.scope('model', () => model.network(own, own.input('image', imageShape), parameters));
  return decompose(new GraphBuilder(), fuse(builder, { outputs: { logits } }));
}

/** Bias corrections of the moments at a step, 1 / (1 - beta^t) with t counted from 1. */
export function biasCorrections({ betas }: Optimizer, step: number): readonly [number, number] {
  const [first, second] = betas.map(beta => 1 / (1 - beta ** (step + 1)));
  return [first as number, second as number];
}
