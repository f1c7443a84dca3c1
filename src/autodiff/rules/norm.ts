/**
 * Derivative of instance normalisation. With c = x - mean, s = scale / deviation, xhat = c / deviation and bars for
 * spatial means:
 *   dx = s (dy - mean(dy) - xhat mean(dy xhat)),  dscale = sum dy xhat,  dbias = sum dy.
 * dx is arranged as dy * s + (c * a + b) with one number of s, a, b per sample and channel, so that it lowers to two
 * passes.
 */
import type { Value } from '../../graph/graph.ts';
import { instanceMoments, perChannel } from '../../graph/moments.ts';
import type { OpName } from '../../graph/ops.ts';
import { first, type Rule, type RuleInput, second } from '../rule.ts';

const SPACE = [2, 3, 4];

function parts({ builder, node, inputs, dy }: RuleInput<'InstanceNormalization'>) {
  const { centred, inverseDeviation } = instanceMoments(builder, first(inputs), node.attributes.epsilon);
  const meanDyXhat = builder.mul(builder.mean(builder.mul(dy, centred), SPACE), inverseDeviation);
  return { centred, inverseDeviation, meanDy: builder.mean(dy, SPACE), meanDyXhat };
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
      const { centred, inverseDeviation, meanDy, meanDyXhat } = parts(input);
      const factor = builder.mul(perChannel(builder, second(inputs)), inverseDeviation);
      const slope = builder.mul(builder.mul(factor, inverseDeviation), meanDyXhat);
      const shift = builder.neg(builder.mul(factor, meanDy));
      return builder.add(builder.mul(dy, factor), builder.add(builder.mul(centred, builder.neg(slope)), shift));
    },
    input => totalPerChannel(input, parts(input).meanDyXhat),
    input => totalPerChannel(input, parts(input).meanDy),
  ],
} satisfies { readonly [K in OpName]?: Rule<K> };
