/** Instance normalisation in simple operators, arranged so that it lowers to few passes over memory. */
import type { GraphBuilder, Value } from './graph.ts';

const SPACE = [2, 3, 4];

/** Per sample and channel: x - mean, as large as x, and 1 / sqrt(variance + epsilon), [N, C, 1, 1, 1]. */
export interface Moments {
  readonly centred: Value;
  readonly inverseDeviation: Value;
}

/**
 * Moments of x [N, C, D, H, W] over space. The variance is E[(x - mean)^2], in two passes: E[x^2] - E[x]^2 loses
 * everything to rounding in float32 where the mean is a thousand deviations, as in air that was z-scored. It costs no
 * more, since the gradient is simpler in x - mean.
 */
export function instanceMoments(builder: GraphBuilder, x: Value, epsilon: number): Moments {
  const centred = builder.add(x, builder.neg(builder.mean(x, SPACE)));
  const variance = builder.mean(builder.mul(centred, centred), SPACE);
  return { centred, inverseDeviation: builder.div(1, builder.sqrt(builder.add(variance, epsilon))) };
}

/** A vector [C] as [1, C, 1, 1, 1]. */
export function perChannel(builder: GraphBuilder, vector: Value): Value {
  return builder.reshape(vector, [1, vector.shape[0] as number, 1, 1, 1]);
}

/** (x - mean) * scale / deviation + bias: InstanceNormalization as one scale and one shift per channel. */
export function normalizeInstances(builder: GraphBuilder, inputs: readonly Value[], epsilon: number): Value {
  const [x, scale, bias] = inputs as readonly [Value, Value, Value];
  const { centred, inverseDeviation } = instanceMoments(builder, x, epsilon);
  const factor = builder.mul(perChannel(builder, scale), inverseDeviation);
  return builder.add(builder.mul(centred, factor), perChannel(builder, bias));
}
