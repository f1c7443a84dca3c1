/**
 * Takes transpositions out of the way, as networks with channels last have them around every convolution: each is moved
 * behind the operators that read it, until it meets its inverse. Also finds repeated voxels, which such networks spell
 * out by reshaping, and makes nearest upsampling of them. Exact.
 */

import { mapAxes } from '../core/axes.ts';
import { elementCount, type Shape, type Triple } from '../core/shape.ts';
import { type Graph, type GraphBuilder, isOp, type Value } from './graph.ts';
import type { OpName } from './ops.ts';
import { rewrite } from './rewrite.ts';

const UNARY: ReadonlySet<OpName> = new Set([
  'Neg',
  'Abs',
  'Sign',
  'Sqrt',
  'Exp',
  'Log',
  'Sigmoid',
  'Tanh',
  'Erf',
  'Softplus',
  'Relu',
  'LeakyRelu',
  'Elu',
  'Clip',
]);
const BINARY: ReadonlySet<OpName> = new Set(['Add', 'Sub', 'Mul', 'Div', 'Max', 'Min', 'PRelu']);
const REDUCTION: ReadonlySet<OpName> = new Set(['ReduceSum', 'ReduceMean', 'ReduceMax']);
/** An operand that is so much smaller than the result is cheap to transpose. */
const SMALL_SHARE = 1 / 8;

/** A value as the transposition of another: axis i is axis perm[i] of the base. */
interface Turned {
  readonly base: Value;
  readonly perm: readonly number[];
}

function turnedFrom(value: Value | undefined): Turned | undefined {
  return value !== undefined && isOp(value, 'Transpose')
    ? { base: value.inputs[0] as Value, perm: value.attributes.perm }
    : undefined;
}

const samePerm = (left: readonly number[], right: readonly number[]): boolean => String(left) === String(right);

function transposed(builder: GraphBuilder, value: Value, perm: readonly number[]): Value {
  const inner = turnedFrom(value);
  if (inner !== undefined)
    return transposed(
      builder,
      inner.base,
      perm.map(axis => inner.perm[axis] as number),
    );
  return perm.every((axis, index) => axis === index) ? value : builder.transpose(value, perm);
}

/** An operand in the order of the base; undefined where that would cost a transposition of something large. */
function operandFor(
  builder: GraphBuilder,
  operand: Value,
  { perm, result }: { readonly perm: readonly number[]; readonly result: Shape },
): Value | undefined {
  if (operand.shape.length === 0) return operand;
  const turned = turnedFrom(operand);
  if (turned !== undefined && samePerm(turned.perm, perm)) return turned.base;
  const isSmall = isOp(operand, 'Constant') || elementCount(operand.shape) <= SMALL_SHARE * elementCount(result);
  if (!isSmall) return undefined;
  const filled = new Array<number>(perm.length - operand.shape.length).fill(1);
  const inverse = perm.map((_, axis) => perm.indexOf(axis));
  return transposed(builder, builder.reshape(operand, [...filled, ...operand.shape]), inverse);
}

function binary(builder: GraphBuilder, value: Value, inputs: readonly Value[]): Value | undefined {
  const full = inputs
    .map(turnedFrom)
    .find((turned, index) => turned && String(inputs[index]?.shape) === String(value.shape));
  if (full === undefined) return undefined;
  const { perm } = full;
  const operands = inputs.map(input => operandFor(builder, input, { perm, result: value.shape }));
  if (operands.some(operand => operand === undefined)) return undefined;
  return transposed(builder, builder.apply(value.op, operands as readonly Value[], value.attributes), perm);
}

/** Operators of one turned image, in the order of its base. */
function ofOne(builder: GraphBuilder, value: Value, { base, perm }: Turned): Value | undefined {
  const at = (axis: number): number => perm[axis] as number;
  if (UNARY.has(value.op)) return transposed(builder, builder.apply(value.op, [base], value.attributes), perm);
  if (REDUCTION.has(value.op)) {
    const { axes } = (value as Value<'ReduceMean'>).attributes;
    return transposed(builder, builder.apply(value.op as 'ReduceMean', [base], { axes: axes.map(at) }), perm);
  }
  if (isOp(value, 'LogSoftmax')) {
    return transposed(builder, builder.apply('LogSoftmax', [base], { axis: at(value.attributes.axis) }), perm);
  }
  if (isOp(value, 'Slice')) {
    const { axis, start, end } = value.attributes;
    return transposed(builder, builder.slice(base, at(axis), start, end), perm);
  }
  if (isOp(value, 'Pad')) {
    const { pads } = value.attributes;
    const rank = perm.length;
    const moved = new Array<number>(2 * rank).fill(0);
    for (let axis = 0; axis < rank; axis++) {
      moved[at(axis)] = pads[axis] as number;
      moved[at(axis) + rank] = pads[axis + rank] as number;
    }
    return transposed(builder, builder.pad(base, moved), perm);
  }
  return undefined;
}

function concat(builder: GraphBuilder, value: Value<'Concat'>, inputs: readonly Value[]): Value | undefined {
  const all = inputs.map(turnedFrom);
  const [first] = all;
  if (first === undefined || !all.every(one => one !== undefined && samePerm(one.perm, first.perm))) return undefined;
  const bases = all.map(one => (one as Turned).base);
  return transposed(builder, builder.concat(bases, first.perm[value.attributes.axis] as number), first.perm);
}

const withoutOnes = (shape: Shape): string => String(shape.filter(size => size !== 1));

/** Voxels repeated along one axis: reshape(expand(reshape(image))) with every voxel side by side with its copies. */
function repeated(builder: GraphBuilder, value: Value<'Reshape'>, [input]: readonly Value[]): Value | undefined {
  if (input === undefined || !isOp(input, 'Expand') || value.shape.length !== 5) return undefined;
  const [narrow] = input.inputs;
  const image = narrow && isOp(narrow, 'Reshape') ? narrow.inputs[0] : narrow;
  if (image === undefined || image.shape.length !== 5) return undefined;
  const changed = image.shape.flatMap((size, axis) => (size === value.shape[axis] ? [] : [axis]));
  const [axis] = changed;
  if (axis === undefined || changed.length > 1) return undefined;
  const factor = (value.shape[axis] as number) / (image.shape[axis] as number);
  const apart = [...image.shape.slice(0, axis + 1), factor, ...image.shape.slice(axis + 1)];
  if (
    withoutOnes(input.shape) !== withoutOnes(apart) ||
    withoutOnes(input.inputs[0]?.shape ?? []) !== withoutOnes(image.shape)
  ) {
    return undefined;
  }
  const { base, perm } = turnedFrom(image) ?? { base: image, perm: [0, 1, 2, 3, 4] };
  const place = (perm[axis] as number) - 2;
  if (place < 0 || !Number.isInteger(factor)) return undefined;
  const scales = mapAxes(scaled => (scaled === place ? factor : 1));
  return transposed(builder, resized(builder, base, scales), perm);
}

/** Upsampling, joined with the one before it. */
function resized(builder: GraphBuilder, image: Value, scales: Triple): Value {
  if (!isOp(image, 'Resize')) return builder.apply('Resize', [image], { scales });
  const before = image.attributes.scales;
  const joined: Triple = [before[0] * scales[0], before[1] * scales[1], before[2] * scales[2]];
  return builder.apply('Resize', [image.inputs[0] as Value], { scales: joined });
}

/** Copies the graph into `builder` with as few transpositions as can be. */
export function cancelTransposes(builder: GraphBuilder, graph: Graph): Graph {
  return rewrite(builder, graph, (_, value, inputs) => {
    const [first] = inputs;
    if (isOp(value, 'Transpose')) return transposed(builder, first as Value, value.attributes.perm);
    if (isOp(value, 'Concat')) return concat(builder, value, inputs);
    if (BINARY.has(value.op)) return binary(builder, value, inputs);
    if (isOp(value, 'Reshape')) {
      const inner = first !== undefined && isOp(first, 'Reshape') ? (first.inputs[0] as Value) : (first as Value);
      return repeated(builder, value, inputs) ?? builder.reshape(inner, value.attributes.shape);
    }
    const turned = inputs.length === 1 ? turnedFrom(first) : undefined;
    return turned && ofOne(builder, value, turned);
  });
}
