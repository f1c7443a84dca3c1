/**
 * The second half of a training step: gradients of the total loss, penalties, clipping, and the optimizer's next
 * parameters and moments, all over one flat vector.
 */
import { gradient } from '../autodiff/gradient.ts';
import { elementCount } from '../core/shape.ts';
import type { GraphBuilder, Value } from '../graph/graph.ts';
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

/** Settings of the update of the student's parameters. */
export interface UpdateOptions {
  readonly student: Model;
  readonly optimizer: Optimizer;
  readonly regularization: { readonly l1: number; readonly l2: number };
  /** Largest gradient norm; null does not clip. */
  readonly clipNorm: number | null;
  /** Decay of the moving average of the parameters; null or not given keeps none. */
  readonly emaDecay?: number | null;
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
  { student, optimizer, regularization, clipNorm, emaDecay = null }: UpdateOptions,
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
    if (emaDecay !== null) {
      outputs[`${AVERAGE}.next`] = movingAverage(builder, {
        average: builder.input(AVERAGE, theta.shape),
        theta: outputs['theta.next'] as Value,
        decay: hyper('emaDecay'),
      });
    }
    if (adapters !== undefined) outputs[`${ADAPTERS}.next`] = builder.slice(next.theta, 0, own, count);
    optimizer.stateNames.forEach((name, index) => {
      outputs[`${name}.next`] = next.state[index] as Value;
    });
    return { norm, outputs };
  });
}
