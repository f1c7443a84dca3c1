/** Inputs and results of a differentiation rule. */
import type { GraphBuilder, Value } from '../graph/graph.ts';
import type { OpName } from '../graph/ops.ts';

/**
 * One step of the reverse walk: `node` with its operands, and `dy`, the gradient of the loss with respect to its
 * result.
 */
export interface RuleInput<K extends OpName> {
  readonly builder: GraphBuilder;
  readonly node: Value<K>;
  readonly inputs: readonly Value[];
  readonly dy: Value;
}

/**
 * Gradients of the operands, one function per operand, so that only the required ones are built. A string instead of a
 * function, or of the whole rule, is the reason why there is no gradient.
 */
export type Rule<K extends OpName> = readonly (((input: RuleInput<K>) => Value) | string)[] | string;

/** Rule for an operator with any number of operands. */
export type VariadicRule<K extends OpName> = (input: RuleInput<K>, operand: number) => Value;

/** First and second operand; the verifier has counted them. */
export const first = (inputs: readonly Value[]): Value => inputs[0] as Value;
export const second = (inputs: readonly Value[]): Value => inputs[1] as Value;

/** Sums a gradient over the axes along which its operand was broadcast. */
export function unbroadcast(builder: GraphBuilder, gradient: Value, operand: Value): Value {
  const extra = gradient.shape.length - operand.shape.length;
  const axes = gradient.shape.flatMap((size, axis) => {
    const own = operand.shape[axis - extra];
    return own === undefined || (own === 1 && size !== 1) ? [axis] : [];
  });
  return builder.reshape(axes.length === 0 ? gradient : builder.sum(gradient, axes), operand.shape);
}
