/**
 * One training step as ONE graph: forward, losses, gradients, clipping, optimizer update; with distillation also the frozen teacher's
 * forward pass on the very same patch. Inputs: image [N, C, D, H, W], label int32 [N labelled, 1, D, H, W], theta and the optimizer's state (flat),
 * hyper (a small vector of everything that changes by step). Outputs: `theta.next` and `<state>.next`, and the loss terms.
 */

import { gradient } from '../autodiff/gradient.ts';
import type { Shape } from '../core/shape.ts';
import { decompose } from '../graph/decompose.ts';
import { fuse } from '../graph/fuse.ts';
import { type Graph, GraphBuilder, type Value } from '../graph/graph.ts';
import type { VoxelWeights } from '../losses/class-weights.ts';
import { sigmoidSoftTargetLoss, softTargetLoss } from '../losses/distillation/logits.ts';
import {
  constantParameters,
  flatParameters,
  type Network,
  type ParameterSpec,
  parameterCount,
} from '../nn/parameters.ts';
import { addRegularization, clipByNorm, gradientNorm } from '../optim/clipping.ts';
import type { Optimizer } from '../optim/optimizer.ts';
import { type HardLossOptions, hardLossTerms, isSigmoid } from './hard-loss.ts';

/** A network with its parameter table. */
export interface Model {
  readonly network: Network;
  readonly specs: readonly ParameterSpec[];
}

/** A soft-target term; its weight and temperature are numbers of the step. */
export interface SoftTerm {
  readonly name: string;
  readonly weights: VoxelWeights;
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
    /** A frozen network of ours, or logits computed elsewhere and fed as `teacherLogits`. */
    readonly teacher: (Model & { readonly theta: Float32Array }) | 'logits';
    readonly terms: readonly SoftTerm[];
  };
}

export interface TrainingStep {
  readonly graph: Graph;
  /** Names of the numbers in `hyper`, in order. */
  readonly hyperNames: readonly string[];
  /** Names of the numbers in `losses`, in order; the first is the total. */
  readonly lossNames: readonly string[];
}

/** Hyper-parameters that every step has; annealed class weights add `crossEntropy.balance`, soft terms `<term>.weight` and `.temperature`. */
const BASE_HYPER = ['learningRate', 'biasCorrection1', 'biasCorrection2'];

/** Forward pass of a model in a graph of its own, with concatenations and upsamplings folded away, copied into `builder`. */
function forward(
  builder: GraphBuilder,
  options: {
    readonly model: Model;
    readonly imageShape: Shape;
    readonly scope: string;
    readonly theta: Float32Array | string;
  },
): { readonly logits: Value; readonly updates: ReadonlyMap<string, Value> } {
  const { model, imageShape, scope, theta } = options;
  const own = new GraphBuilder();
  const updates = new Map<string, Value>();
  const parameters =
    typeof theta === 'string'
      ? flatParameters(own, own.input(theta, [parameterCount(model.specs)]), model.specs, updates)
      : constantParameters(own, theta, model.specs);
  const logits = own.scope(scope, () => model.network(own, own.input('image', imageShape), parameters));
  const { outputs } = fuse(builder, { outputs: { ...Object.fromEntries(updates), logits } });
  return {
    logits: outputs['logits'] as Value,
    updates: new Map([...updates.keys()].map(name => [name, outputs[name] as Value])),
  };
}

/** 1 at the entries of convolution kernels in the trainable vector, 0 elsewhere. */
export function kernelMask(specs: readonly ParameterSpec[]): Float32Array {
  const mask = new Float32Array(parameterCount(specs));
  let start = 0;
  for (const spec of specs) {
    const count = parameterCount([spec]);
    if (spec.role === 'kernel') mask.fill(1, start, start + count);
    start += count;
  }
  return mask;
}

/** Shape of the class indices of a batch, [N labelled, 1, D, H, W]. */
export function labelShape({ imageShape, unlabelled = 0 }: Pick<StepOptions, 'imageShape' | 'unlabelled'>): Shape {
  const [samples = 0, , ...spatial] = imageShape;
  return [samples - unlabelled, 1, ...spatial];
}

/** Builds the graph of a training step. */
export function buildTrainingStep(options: StepOptions): TrainingStep {
  const { student, imageShape, hardLoss, optimizer, regularization, clipNorm, distillation } = options;
  const builder = new GraphBuilder();
  const trainable = student.specs.filter(spec => spec.role !== 'buffer');
  const buffers = student.specs.filter(spec => spec.role === 'buffer');
  const count = parameterCount(trainable);
  const { logits, updates } = forward(builder, { model: student, imageShape, scope: 'student', theta: 'theta' });

  const softTerms = distillation?.terms ?? [];
  const annealed = hardLoss.crossEntropy.classWeights === 'annealed';
  const hyperNames = [
    ...BASE_HYPER,
    ...(annealed ? ['crossEntropy.balance'] : []),
    ...softTerms.flatMap(({ name }) => [`${name}.weight`, `${name}.temperature`]),
  ];
  const hyperVector = builder.input('hyper', [hyperNames.length]);
  const hyper = (name: string): Value => {
    const index = hyperNames.indexOf(name);
    return builder.reshape(builder.slice(hyperVector, 0, index, index + 1), []);
  };

  const label = builder.input('label', labelShape(options), 'int32');
  const labelled = builder.slice(logits, 0, 0, label.shape[0] as number);
  const terms: { name: string; value: Value; weighted: Value }[] = builder.scope('loss', () =>
    hardLossTerms(builder, labelled, label, {
      ...hardLoss,
      balance: annealed ? hyper('crossEntropy.balance') : undefined,
    }).map(({ name, value, weight }) => {
      return { name, value, weighted: builder.mul(value, weight) };
    }),
  );
  if (distillation !== undefined) {
    const { teacher } = distillation;
    const soft =
      teacher === 'logits'
        ? builder.input('teacherLogits', logits.shape)
        : forward(builder, { model: teacher, imageShape, scope: 'teacher', theta: teacher.theta }).logits;
    builder.scope('distillation', () => {
      const loss = isSigmoid(hardLoss) ? sigmoidSoftTargetLoss : softTargetLoss;
      for (const { name, weights } of softTerms) {
        const value = loss(builder, logits, soft, { temperature: hyper(`${name}.temperature`), weights });
        terms.push({ name, value, weighted: builder.mul(value, hyper(`${name}.weight`)) });
      }
    });
  }
  const total = terms.map(term => term.weighted).reduce((sum, value) => builder.add(sum, value));

  const theta = builder.input('theta', [parameterCount(student.specs)]);
  const { values } = flatParameters(builder, theta, student.specs);
  const gradients = gradient(
    builder,
    total,
    trainable.map(({ name }) => values.get(name) as Value),
  );
  return builder.scope('update', () => {
    const flat = builder.concat(
      gradients.map(part => builder.reshape(part, [part.shape.reduce((a, b) => a * b, 1)])),
      0,
    );
    const norm = gradientNorm(builder, flat);
    const clipped = clipNorm === null ? flat : clipByNorm(builder, flat, norm, clipNorm);
    const own = builder.slice(theta, 0, 0, count);
    const state = optimizer.stateNames.map(name => builder.input(name, [count]));
    const next = optimizer.update({
      builder,
      theta: own,
      gradient: addRegularization(builder, clipped, { theta: own, mask: kernelMask(trainable), ...regularization }),
      state,
      learningRate: hyper('learningRate'),
      bias: [hyper('biasCorrection1'), hyper('biasCorrection2')],
    });
    const kept = buffers.map(({ name }) => (updates.get(name) ?? values.get(name)) as Value);
    const losses = [total, ...terms.map(term => term.value), norm].map(value => builder.reshape(value, [1]));
    const outputs: Record<string, Value> = {
      'theta.next': builder.concat([next.theta, ...kept], 0),
      losses: builder.concat(losses, 0),
    };
    optimizer.stateNames.forEach((name, index) => {
      outputs[`${name}.next`] = next.state[index] as Value;
    });
    return {
      graph: decompose(new GraphBuilder(), { outputs }),
      hyperNames,
      lossNames: ['total', ...terms.map(term => term.name), 'gradientNorm'],
    };
  });
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
