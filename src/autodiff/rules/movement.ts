/** Derivatives of operators that only move numbers: the gradient is moved back. */
import type { Value } from '../../graph/graph.ts';
import type { OpName } from '../../graph/ops.ts';
import { first, type Rule, unbroadcast, type VariadicRule } from '../rule.ts';

export const movementRules = {
  Reshape: [({ builder, inputs, dy }) => builder.reshape(dy, first(inputs).shape)],
  Transpose: [
    ({ builder, node, dy }) => {
      const inverse: number[] = [];
      node.attributes.perm.forEach((axis, index) => {
        inverse[axis] = index;
      });
      return builder.transpose(dy, inverse);
    },
  ],
  Slice: [
    ({ builder, node, inputs, dy }) => {
      const { axis, start, end } = node.attributes;
      const shape = first(inputs).shape;
      const before = shape.map((_, index) => (index === axis ? start : 0));
      const after = shape.map((size, index) => (index === axis ? size - end : 0));
      return builder.pad(dy, [...before, ...after]);
    },
  ],
  Pad: [
    ({ builder, node, inputs, dy }) =>
      first(inputs).shape.reduce<Value>((gradient, size, axis) => {
        const start = node.attributes.pads[axis] as number;
        return builder.slice(gradient, axis, start, start + size);
      }, dy),
  ],
  Concat: ({ builder, node, inputs, dy }, operand) => {
    const { axis } = node.attributes;
    const start = inputs.slice(0, operand).reduce((sum, input) => sum + (input.shape[axis] as number), 0);
    return builder.slice(dy, axis, start, start + ((inputs[operand] as Value).shape[axis] as number));
  },
  Expand: [({ builder, inputs, dy }) => unbroadcast(builder, dy, first(inputs))],
} satisfies { readonly [K in OpName]?: Rule<K> | VariadicRule<K> };
