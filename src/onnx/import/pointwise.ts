/**
 * Elementwise operators of other models. Functions that keep 0 are preferred, since the blocked kernels pad channels
 * with 0.
 */
import { elementCount } from '../../core/shape.ts';
import { type GraphBuilder, isOp, type Value } from '../../graph/graph.ts';
import type { BinaryOp, UnaryOp } from '../../graph/ops.ts';
import { isRealType } from '../tensor-content.ts';
import { type Context, floatOf, intOf, type NodeRule, refuse, scalarOf, textOf } from './context.ts';

/** One operand, one result, nothing to set. */
export const unary =
  (op: UnaryOp): NodeRule =>
  ({ builder, value }) =>
    builder.apply(op, [value(0)], {});

/** An operand of a few numbers per image, which are cheap to change beforehand. */
const isSmall = (value: Value, image: Value): boolean => 8 * elementCount(value.shape) <= elementCount(image.shape);

/** A difference; of a few numbers the negative is added, which the blocked kernels know. */
export const subtract: NodeRule = ({ builder, value }) => {
  const [left, right] = [value(0), value(1)];
  return isSmall(right, left) ? builder.add(left, builder.neg(right)) : builder.sub(left, right);
};

/** A quotient; by a few numbers it is the product with their inverse. */
export const divide: NodeRule = ({ builder, value }) => {
  const [left, right] = [value(0), value(1)];
  return isSmall(right, left) ? builder.mul(left, builder.div(1, right)) : builder.div(left, right);
};

/** Two operands. */
export const binary =
  (op: 'PRelu' | 'MatMul'): NodeRule =>
  ({ builder, value }) =>
    builder.apply(op, [value(0), value(1)], {});

/** Any number of operands. */
export const variadic =
  (op: Extract<BinaryOp, 'Add' | 'Max' | 'Min'>): NodeRule =>
  ({ builder, node, value }) =>
    node.inputs.map((_, index) => value(index)).reduce((left, right) => builder.apply(op, [left, right], {}));

/** x / (1 + e^-x), as x (1 + tanh(x / 2)) / 2. */
function silu(builder: GraphBuilder, x: Value): Value {
  const half = builder.mul(x, 0.5);
  return builder.add(half, builder.mul(half, builder.apply('Tanh', [half], {})));
}

/** A product; that of a value and its own sigmoid is a SiLU. */
export const multiply: NodeRule = ({ builder, value }) => {
  const [left, right] = [value(0), value(1)];
  if (isOp(right, 'Sigmoid') && right.inputs[0] === left) return silu(builder, left);
  if (isOp(left, 'Sigmoid') && left.inputs[0] === right) return silu(builder, right);
  return builder.mul(left, right);
};

/** x (1 + erf(x / sqrt 2)) / 2, or by tanh. */
export const gelu: NodeRule = ({ builder, node, value }) => {
  const x = value(0);
  const half = builder.mul(x, 0.5);
  if (textOf(node, 'approximate', 'none') === 'none') {
    return builder.add(half, builder.mul(half, builder.apply('Erf', [builder.mul(x, Math.SQRT1_2)], {})));
  }
  const cubed = builder.mul(builder.mul(x, x), x);
  const inside = builder.mul(builder.add(x, builder.mul(cubed, 0.044715)), Math.sqrt(2 / Math.PI));
  return builder.add(half, builder.mul(half, builder.apply('Tanh', [inside], {})));
};

/** x tanh(log(1 + e^x)). */
export const mish: NodeRule = ({ builder, value }) => {
  const x = value(0);
  return builder.mul(x, builder.apply('Tanh', [builder.apply('Softplus', [x], {})], {}));
};

/** x / (1 + e^(-alpha x)). */
export const swish: NodeRule = ({ builder, node, value }) => {
  const x = value(0);
  const alpha = floatOf(node, 'alpha', 1);
  return alpha === 1 ? silu(builder, x) : builder.mul(x, builder.sigmoid(builder.mul(x, alpha)));
};

/** max(0, min(1, alpha x + beta)). */
export const hardSigmoid: NodeRule = ({ builder, node, value }) => {
  const line = builder.add(builder.mul(value(0), floatOf(node, 'alpha', 0.2)), floatOf(node, 'beta', 0.5));
  return builder.apply('Clip', [line], { min: 0, max: 1 });
};

/** x max(0, min(1, x / 6 + 1 / 2)). */
export const hardSwish: NodeRule = ({ builder, value }) => {
  const x = value(0);
  const line = builder.add(builder.mul(x, 1 / 6), 0.5);
  return builder.mul(x, builder.apply('Clip', [line], { min: 0, max: 1 }));
};

const LARGEST = 3.4028234663852886e38;

/** Values held between two bounds, either of which may be left out. */
export const clip: NodeRule = context => {
  const [min, max] = [scalarOf(context, 1, -LARGEST), scalarOf(context, 2, LARGEST)];
  return context.builder.apply('Clip', [context.value(0)], { min, max });
};

/** Powers by 2, 3, 1/2 and the like. */
export const power: NodeRule = context => {
  const { builder, value, known } = context;
  const exponent =
    known(1)?.data.length === 1 ? known(1)!.data[0]! : refuse('Pow with a power that is no single number');
  const x = value(0);
  switch (exponent) {
    case 1:
      return x;
    case 2:
      return builder.mul(x, x);
    case 3:
      return builder.mul(builder.mul(x, x), x);
    case 0.5:
      return builder.sqrt(x);
    case -0.5:
      return builder.div(1, builder.sqrt(x));
    case -1:
      return builder.div(1, x);
    default:
      return refuse(`Pow with ${exponent}`);
  }
};

/** Casts between real types: everything is computed in float32 here. */
export const cast = ({ node, value }: Context): Value =>
  isRealType(intOf(node, 'to', 1)) ? value(0) : refuse('Cast of a part of the image to whole numbers');
