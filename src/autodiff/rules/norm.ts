/**
 * Derivative of instance normalisation. With s = scale / deviation, xhat = (x - mean) / deviation and spatial means
 * written as mean():
 *   dx = s (dy - mean(dy) - xhat mean(dy xhat)),  dscale = sum dy xhat,  dbias = sum dy.
 * dx is arranged as dy * s + (x * a + b) with one number of s, a, b per sample and channel, so that it lowers to two
 * passes.
 */
import type { Value } from '../../graph/graph.ts';
import { instanceMoments, perChannel } from '../../graph/moments.ts';
import type { OpName } from '../../graph/ops.ts';
import { first, type Rule, type RuleInput, second } from '../rule.ts';

const SPACE = [2, 3, 4];

function parts({ builder, node, inputs, dy }: RuleInput<'InstanceNormalization'>) {
  const x = first(inputs);
  const { mean, inverseDeviation } = instanceMoments(builder, x, node.attributes.epsilon);
  const meanDy = builder.mean(dy, SPACE);
  const meanDyX = builder.mean(builder.mul(dy, x), SPACE);
  const meanDyXhat = builder.mul(builder.sub(meanDyX, builder.mul(meanDy, mean)), inverseDeviation);
  return { x, mean, inverseDeviation, meanDy, meanDyXhat };
}

/** Sum over samples and space of a spatial mean [N, C, 1, 1, 1], as [C]. */
function totalPerChannel({ builder, inputs }: RuleInput<'InstanceNormalization'>, spatialMean: Value): Value {
  const [, channels, depth, height, width] = first(inputs).shape as readonly number[];
  const voxels = (depth as number) * (height as number) * (width as number);
  return builder.reshape(builder.mul(builder.sum(spatialMean, [0]), voxels), [channels as number]);
}

export const normRules = {
  InstanceNormalization: [
    input => {
      const { builder, inputs, dy } = input;
      const { x, mean, inverseDeviation, meanDy, meanDyXhat } = parts(input);
      const factor = builder.mul(perChannel(builder, second(inputs)), inverseDeviation);
      const slope = builder.mul(builder.mul(factor, inverseDeviation), meanDyXhat);
      const shift = builder.sub(builder.mul(slope, mean), builder.mul(factor, meanDy));
      return builder.add(builder.mul(dy, factor), builder.add(builder.mul(x, builder.neg(slope)), shift));
    },
    input => totalPerChannel(input, parts(input).meanDyXhat),
    input => totalPerChannel(input, parts(input).meanDy),
  ],
} satisfies { readonly [K in OpName]?: Rule<K> };
