/**
 * An exponential moving average of the parameters as graph nodes. It is smoother than the parameters that are trained,
 * and often better (Polyak averaging).
 */
import type { GraphBuilder, Value } from '../graph/graph.ts';

/**
 * average' = average + (1 - d) (theta - average).
 *
 * Running statistics of batch normalisation are part of the vector and averaged like the parameters. The mean of an
 * activation is linear in the kernel before it, so averaged statistics belong to averaged kernels, while those of the
 * last step belong to the kernels of the last step.
 * @param average, theta flat vectors [n], parameters and buffers
 * @param decay d of this step, a scalar
 * @see https://doi.org/10.1137/0330046
 */
export function movingAverage(
  builder: GraphBuilder,
  { average, theta, decay }: { readonly average: Value; readonly theta: Value; readonly decay: Value },
): Value {
  return builder.add(average, builder.mul(builder.sub(theta, average), builder.sub(1, decay)));
}

/**
 * Decay of the average at a step: min(decay, (1 + s) / (10 + s)). An average of a constant decay would still contain
 * decay^s of the random initial parameters; with the warm-up they are forgotten after a few steps.
 * @param step s, from 0
 * @see https://www.tensorflow.org/api_docs/python/tf/train/ExponentialMovingAverage (num_updates)
 */
export function averageDecay(decay: number, step: number): number {
  return Math.min(decay, (1 + step) / (10 + step));
}
