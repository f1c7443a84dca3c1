/**
 * The second half of a training step: gradients of the total loss, penalties, clipping, and the optimizer's next
 * parameters and moments, all over one flat vector.
 */
import { gradient } from '../autodiff/gradient.ts';
import { elementCount } from '../core/shape.ts';
import { tensor } from '../core/tensor.ts';
import type { GraphBuilder, Operand, Value } from '../graph/graph.ts';
import { type ParameterSpec, parameterCount } from '../nn/parameters.ts';
import { addRegularization, clipByNorm, gradientNorm } from '../optim/clipping.ts';
import { movingAverage } from '../optim/moving-average.ts';
import type { Optimizer } from '../optim/optimizer.ts';
import type { Model } from './forward.ts';

/** Name of the input with the adapters' parameters; the output `adapters.next` has the next ones. */
export const ADAPTERS = 'adapters';

/**
 * Name of the input with the moving average of the student's parameters and buffers; the output `average.next` has the
 * next one.
 */
export const AVERAGE = 'average';

/**
 * Name of the input with the sum of the gradients of a step's micro-batches so far; the output `gradient.next` has the
 * next one, which is 0 again after the last of them.
 */
export const GRADIENT = 'gradient';

/** Settings of the update of the student's parameters. */
export interface UpdateOptions {
  readonly student: Model;
  readonly optimizer: Optimizer;
  readonly regularization: { readonly l1: number; readonly l2: number };
  /** Largest gradient norm; null does not clip. */
  readonly clipNorm: number | null;
  /**
   * Parameters whose learning rate is multiplied: theta + factor (theta' - theta), where theta' is what the optimizer
   * gives. Every optimizer's step, decay included, is proportional to its learning rate.
   */
  readonly slower?: { readonly names: ReadonlySet<string>; readonly factor: number };
  /** Decay of the moving average of the parameters; null or not given keeps none. */
  readonly emaDecay?: number | null;
  /**
   * Number of micro-batches whose mean gradient a step takes, one run of the graph each; 1 if not given. Above 1 the
   * number `isLast` says whether a run is the last of its step: parameters, moments and average change in that alone,
   * running statistics in every one.
   */
  readonly accumulate?: number;
}

/**
 * A factor for every entry of the trainable vector: that of the slower parameters, or 1.
 * @param count length of the vector; entries beyond the parameters are 1
 */
function rateFactors(
  specs: readonly ParameterSpec[],
  { names, factor }: NonNullable<UpdateOptions['slower']>,
  count = parameterCount(specs),
): Float32Array {
  const factors = new Float32Array(count).fill(1);
  let start = 0;
  for (const spec of specs) {
    const end = start + parameterCount([spec]);
    if (names.has(spec.name)) factors.fill(factor, start, end);
    start = end;
  }
  return factors;
}

/**
 * 1 at the entries of convolution kernels in the trainable vector, 0 elsewhere.
 * @param count length of the mask; entries beyond the parameters are 0
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

/** Results of the forward pass that an update needs. */
export interface Pass {
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
 * Gradients, clipping and the optimizer over one vector: the student's trainable parameters, then the adapters'.
 * Penalties and weight decay act on the student alone.
 */
export function update(
  builder: GraphBuilder,
  { student, optimizer, regularization, clipNorm, slower, emaDecay = null, accumulate = 1 }: UpdateOptions,
  { total, hyper, theta, values, updates, adapters }: Pass,
): { readonly norm: Value; readonly outputs: Record<string, Value> } {
  const trainable = student.specs.filter(spec => spec.role !== 'buffer');
  const buffers = student.specs.filter(spec => spec.role === 'buffer');
  const own = parameterCount(trainable);
  const vectors = [builder.slice(theta, 0, 0, own), ...(adapters === undefined ? [] : [adapters.vector])];
  const joined = builder.concat(vectors, 0);
  const count = joined.shape[0] as number;
  const targets = [...trainable.map(({ name }) => values.get(name) as Value), ...(adapters?.values.values() ?? [])];
  const gradients = gradient(builder, total, targets);
  const scaledStep = (from: Value, to: Value): Value => {
    if (slower === undefined) return to;
    const factors = builder.constant(tensor('float32', rateFactors(trainable, slower, count), [count]));
    return builder.add(from, builder.mul(factors, builder.sub(to, from)));
  };
  return builder.scope('update', () => {
    const ofBatch = builder.concat(
      gradients.map(part => builder.reshape(part, [elementCount(part.shape)])),
      0,
    );
    const isPart = accumulate > 1;
    const flat = isPart ? builder.add(builder.input(GRADIENT, [count]), builder.mul(ofBatch, 1 / accumulate)) : ofBatch;
    const ifLast = (yes: Operand, no: Value): Value =>
      isPart ? builder.where(builder.greater(hyper('isLast'), 0.5), yes, no) : (yes as Value);
    const norm = gradientNorm(builder, flat);
    const clipped = clipNorm === null ? flat : clipByNorm(builder, flat, norm, clipNorm);
    const mask = kernelMask(trainable, count);
    const states = optimizer.stateNames.map(name => builder.input(name, [count]));
    const stepped = optimizer.update({
      builder,
      theta: joined,
      gradient: addRegularization(builder, clipped, { theta: joined, mask, ...regularization }),
      state: states,
      learningRate: hyper('learningRate'),
      bias: [hyper('biasCorrection1'), hyper('biasCorrection2')],
    });
    const next = { ...stepped, theta: scaledStep(joined, stepped.theta) };
    // buffers may be kernels that are not trained
    const kept = buffers.map(({ name }) => {
      const value = (updates.get(name) ?? values.get(name)) as Value;
      return builder.reshape(value, [elementCount(value.shape)]);
    });
    const moved = ifLast(next.theta, joined);
    const outputs: Record<string, Value> = {
      'theta.next': builder.concat([builder.slice(moved, 0, 0, own), ...kept], 0),
    };
    if (emaDecay !== null) {
      const average = builder.input(AVERAGE, theta.shape);
      const decay = hyper('emaDecay');
      const averaged = movingAverage(builder, { average, theta: outputs['theta.next'] as Value, decay });
      outputs[`${AVERAGE}.next`] = ifLast(averaged, average);
    }
    if (adapters !== undefined) outputs[`${ADAPTERS}.next`] = builder.slice(moved, 0, own, count);
    optimizer.stateNames.forEach((name, index) => {
      outputs[`${name}.next`] = ifLast(next.state[index] as Value, states[index] as Value);
    });
    if (isPart) outputs[`${GRADIENT}.next`] = ifLast(0, flat);
    return { norm, outputs };
  });
}
