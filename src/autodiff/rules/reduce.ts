/**
 * Derivatives of reductions and of the log-softmax. Reductions keep their axes, so a gradient broadcasts back by
 * itself.
 */
import type { OpName } from '../../graph/ops.ts';
import { first, type Rule } from '../rule.ts';

export const reduceRules = {
  ReduceSum: [({ builder, inputs, dy }) => builder.expand(dy, first(inputs).shape)],
  ReduceMean: [
    ({ builder, node, inputs, dy }) => {
      const count = node.attributes.axes.reduce((product, axis) => product * (first(inputs).shape[axis] as number), 1);
      return builder.expand(builder.mul(dy, 1 / count), first(inputs).shape);
    },
  ],
  ReduceMax: 'only used for numerical stability and on values that need no gradient',
  // y = x - log sum exp x:  dx = dy - softmax(x) * sum dy
  LogSoftmax: [
    ({ builder, node, dy }) => builder.sub(dy, builder.mul(builder.exp(node), builder.sum(dy, [node.attributes.axis]))),
  ],
} satisfies { readonly [K in OpName]?: Rule<K> };
