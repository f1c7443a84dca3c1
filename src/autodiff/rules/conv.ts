/** Derivatives of the linear operators: matrix product, convolution and its adjoint, pooling and upsampling. */

import type { GraphBuilder, Value } from '../../graph/graph.ts';
import { spatial } from '../../graph/infer.ts';
import type { OpName } from '../../graph/ops.ts';
import { first, type Rule, second, unbroadcast } from '../rule.ts';

function swapLast(builder: GraphBuilder, value: Value): Value {
  const rank = value.shape.length;
  return builder.transpose(
    value,
    [...value.shape.keys()].map(axis => (axis < rank - 2 ? axis : 2 * rank - 3 - axis)),
  );
}

export const convRules = {
  MatMul: [
    ({ builder, inputs, dy }) =>
      unbroadcast(builder, builder.apply('MatMul', [dy, swapLast(builder, second(inputs))], {}), first(inputs)),
    ({ builder, inputs, dy }) =>
      unbroadcast(builder, builder.apply('MatMul', [swapLast(builder, first(inputs)), dy], {}), second(inputs)),
  ],
  Conv: [
    ({ builder, node, inputs, dy }) =>
      builder.apply('ConvTranspose', [dy, second(inputs)], { ...node.attributes, size: spatial(first(inputs).shape) }),
    ({ builder, node, inputs, dy }) => builder.apply('ConvKernelGradient', [first(inputs), dy], node.attributes),
  ],
  // the adjoint's adjoint is the convolution, and its kernel sees dy where the convolution sees x
  ConvTranspose: [
    ({ builder, node, inputs, dy }) => {
      const { size: _, ...attributes } = node.attributes;
      return builder.apply('Conv', [dy, second(inputs)], attributes);
    },
    ({ builder, node, inputs, dy }) => {
      const { size: _, ...attributes } = node.attributes;
      return builder.apply('ConvKernelGradient', [dy, first(inputs)], attributes);
    },
  ],
  ConvKernelGradient: 'second derivatives are not needed for training',
  MaxPool: [
    ({ builder, node, inputs, dy }) => builder.apply('MaxPoolGradient', [first(inputs), node, dy], node.attributes),
  ],
  MaxPoolGradient: 'second derivatives are not needed for training',
  AveragePool: [
    ({ builder, node, dy }) => {
      const [depth, height, width] = node.attributes.kernel;
      const spread = builder.apply('Resize', [dy], { scales: node.attributes.kernel });
      return builder.mul(spread, 1 / (depth * height * width));
    },
  ],
  Resize: [
    ({ builder, node, dy }) => {
      const [depth, height, width] = node.attributes.scales;
      return builder.mul(
        builder.apply('AveragePool', [dy], { kernel: node.attributes.scales }),
        depth * height * width,
      );
    },
  ],
} satisfies { readonly [K in OpName]?: Rule<K> };
