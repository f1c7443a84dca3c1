/** Instance normalisation in simple operators, arranged so that it lowers to few passes over memory. */
import type { GraphBuilder, Value } from './graph.ts';

const SPACE = [2, 3, 4];

/** Mean and 1 / sqrt(variance + epsilon) per sample and channel, both [N, C, 1, 1, 1]. */
export interface Moments {
  readonly mean: Value;
  readonly inverseDeviation: Value;
}

/** Moments of x [N, C, D, H, W] over space; the variance is E[x^2] - E[x]^2, clamped at 0. */
export function instanceMoments(builder: GraphBuilder, x: Value, epsilon: number): Moments {
  const mean = builder.mean(x, SPACE);
  const variance = builder.max(builder.sub(builder.mean(builder.mul(x, x), SPACE), builder.mul(mean, mean)), 0);
  return { mean, inverseDeviation: builder.div(1, builder.sqrt(builder.add(variance, epsilon))) };
}

/** A vector [C] as [1, C, 1, 1, 1]. */
export function perChannel(builder: GraphBuilder, vector: Value): Value {
  return builder.reshape(vector, [1, vector.shape[0] as number, 1, 1, 1]);
}

/**
 * x * scale / deviation + (bias - mean * scale / deviation): InstanceNormalization as one scale and one shift per
 * channel.
 */
export function normalizeInstances(builder: GraphBuilder, inputs: readonly Value[], epsilon: number): Value {
  const [x, scale, bias] = inputs as readonly [Value, Value, Value];
  const { mean, inverseDeviation } = instanceMoments(builder, x, epsilon);
  const factor = builder.mul(perChannel(builder, scale), inverseDeviation);
  return builder.add(builder.mul(x, factor), builder.sub(perChannel(builder, bias), builder.mul(mean, factor)));
}
