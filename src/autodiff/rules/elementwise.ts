/** Derivatives of elementwise operators. Broadcast operands get their gradient summed back to their own shape. */

import type { Value } from '../../graph/graph.ts';
import type { OpName } from '../../graph/ops.ts';
import { first, type Rule, type RuleInput, second, unbroadcast } from '../rule.ts';

type Local<K extends OpName> = (input: RuleInput<K>) => Value;

/** The function `local` with its result summed over broadcast axes of the operand. */
const to =
  <K extends OpName>(operand: number, local: Local<K>): Local<K> =>
  input =>
    unbroadcast(input.builder, local(input), input.inputs[operand] as Value);

/** 1 where the first operand is selected, 1/2 at a tie: PyTorch's subgradient of max and min. */
function share({ builder, inputs }: RuleInput<'Max' | 'Min'>, winner: 'first' | 'second'): Value {
  const [left, right] = [first(inputs), second(inputs)];
  const wins = winner === 'first' ? builder.greater(left, right) : builder.greater(right, left);
  return builder.where(builder.equal(left, right), 0.5, builder.cast(wins, 'float32'));
}

export const elementwiseRules = {
  Add: [to(0, ({ dy }) => dy), to(1, ({ dy }) => dy)],
  Sub: [to(0, ({ dy }) => dy), to(1, ({ builder, dy }) => builder.neg(dy))],
  Mul: [
    to(0, ({ builder, inputs, dy }) => builder.mul(dy, second(inputs))),
    to(1, ({ builder, inputs, dy }) => builder.mul(dy, first(inputs))),
  ],
  Div: [
    to(0, ({ builder, inputs, dy }) => builder.div(dy, second(inputs))),
    to(1, ({ builder, node, inputs, dy }) => builder.neg(builder.mul(dy, builder.div(node, second(inputs))))),
  ],
  Max: [
    to(0, input => input.builder.mul(input.dy, share(input, 'first'))),
    to(1, input => input.builder.mul(input.dy, share(input, 'second'))),
  ],
  Min: [
    to(0, input => input.builder.mul(input.dy, share(input, 'second'))),
    to(1, input => input.builder.mul(input.dy, share(input, 'first'))),
  ],
  Neg: [({ builder, dy }) => builder.neg(dy)],
  Abs: [({ builder, inputs, dy }) => builder.mul(dy, builder.apply('Sign', [first(inputs)], {}))],
  Sign: 'the derivative of Sign is zero almost everywhere',
  Sqrt: [({ builder, node, dy }) => builder.div(dy, builder.mul(node, 2))],
  Exp: [({ builder, node, dy }) => builder.mul(dy, node)],
  Log: [({ builder, inputs, dy }) => builder.div(dy, first(inputs))],
  Sigmoid: [({ builder, node, dy }) => builder.mul(dy, builder.mul(node, builder.sub(1, node)))],
  Tanh: [({ builder, node, dy }) => builder.mul(dy, builder.sub(1, builder.mul(node, node)))],
  Erf: [
    ({ builder, inputs, dy }) => {
      const x = first(inputs);
      const density = builder.mul(builder.exp(builder.neg(builder.mul(x, x))), 2 / Math.sqrt(Math.PI));
      return builder.mul(dy, density);
    },
  ],
  Softplus: [({ builder, inputs, dy }) => builder.mul(dy, builder.sigmoid(first(inputs)))],
  Relu: [({ builder, node, dy }) => builder.apply('LeakyReluGradient', [node, dy], { alpha: 0 })],
  LeakyRelu: [
    ({ builder, node, dy }) => builder.apply('LeakyReluGradient', [node, dy], { alpha: node.attributes.alpha }),
  ],
  Elu: [
    ({ builder, node, inputs, dy }) =>
      builder.where(builder.greater(first(inputs), 0), dy, builder.mul(dy, builder.add(node, node.attributes.alpha))),
  ],
  PRelu: [
    ({ builder, inputs, dy }) => builder.where(builder.greater(first(inputs), 0), dy, builder.mul(dy, second(inputs))),
    to(1, ({ builder, inputs, dy }) => builder.mul(dy, builder.min(first(inputs), 0))),
  ],
  LeakyReluGradient: 'second derivatives are not needed for training',
  Clip: [
    ({ builder, node, inputs, dy }) => {
      const inside = builder.equal(first(inputs), node);
      return builder.where(inside, dy, 0);
    },
  ],
  Equal: 'a comparison has no derivative',
  Greater: 'a comparison has no derivative',
  Where: [
    'a condition has no derivative',
    to(1, ({ builder, inputs, dy }) => builder.where(first(inputs), dy, 0)),
    to(2, ({ builder, inputs, dy }) => builder.where(first(inputs), 0, dy)),
  ],
  Cast: 'a cast to another element type has no derivative',
  Detach: 'a constant has no derivative, and none is asked for',
} satisfies { readonly [K in OpName]?: Rule<K> };
