/** Operators of other models that move values without changing them. */
import { elementCount, type Shape } from '../../core/shape.ts';
import type { GraphBuilder, Value } from '../../graph/graph.ts';
import {
  askedShape,
  type Context,
  demand,
  fromFront,
  intOf,
  isGiven,
  type NodeRule,
  numbersOf,
  refuse,
  scalarOf,
  textOf,
} from './context.ts';

/** Numbers of an operand that must be known. */
function knownNumbers({ node, known }: Context, index: number, what: string): readonly number[] {
  return [...(known(index) ?? refuse(`${node.op} to ${what} that depends on the image`)).data];
}

/** Reshape. */
export const reshape: NodeRule = context => {
  const x = context.value(0);
  const asked = knownNumbers(context, 1, 'a shape');
  // it changes what a 0 means
  if (asked.includes(0)) demand(context.node, { allowzero: 0 });
  return context.builder.reshape(x, askedShape(asked, x.shape));
};

/** Flatten to a matrix. */
export const flatten: NodeRule = ({ builder, node, value }) => {
  const x = value(0);
  const [axis = 1] = fromFront([intOf(node, 'axis', 1)], x.shape.length);
  return builder.reshape(x, [elementCount(x.shape.slice(0, axis)), elementCount(x.shape.slice(axis))]);
};

/** Axes of size 1 more. */
export const unsqueeze: NodeRule = context => {
  const { builder, node, value } = context;
  const x = value(0);
  const axes = numbersOf(context, 'axes', 1) ?? refuse(`${node.op} without axes`);
  const rank = x.shape.length + axes.length;
  const places = fromFront(axes, rank);
  const rest = [...x.shape];
  return builder.reshape(
    x,
    Array.from({ length: rank }, (_, axis) => (places.includes(axis) ? 1 : (rest.shift() as number))),
  );
};

/** Axes of size 1 fewer. */
export const squeeze: NodeRule = context => {
  const { builder, value } = context;
  const x = value(0);
  const given = numbersOf(context, 'axes', 1);
  const axes = given && fromFront(given, x.shape.length);
  return builder.reshape(
    x,
    x.shape.filter((size, axis) => (axes === undefined ? size !== 1 : !axes.includes(axis))),
  );
};

/** Concat. */
export const concat: NodeRule = ({ builder, node, value }) => {
  const values = node.inputs.map((_, index) => value(index));
  const axis = intOf(node, 'axis', 1);
  return builder.concat(values, axis < 0 ? axis + (values[0]?.shape.length ?? 0) : axis);
};

/** Slice, in steps of 1. */
export const slice: NodeRule = context => {
  const { builder, node, value } = context;
  const x = value(0);
  const [starts, ends] = [knownNumbers(context, 1, 'places'), knownNumbers(context, 2, 'places')];
  const axes = fromFront(
    isGiven(context, 3) ? knownNumbers(context, 3, 'axes') : starts.map((_, axis) => axis),
    x.shape.length,
  );
  const steps = isGiven(context, 4) ? knownNumbers(context, 4, 'steps') : [];
  if (steps.some(step => step !== 1)) refuse(`${node.op} in steps of ${steps.join(', ')}`);
  return axes.reduce((part, axis, index) => {
    const size = x.shape[axis] ?? 0;
    const place = (at: number): number => Math.min(size, Math.max(0, at < 0 ? at + size : at));
    return builder.slice(part, axis, place(starts[index] ?? 0), place(ends[index] ?? 0));
  }, x);
};

/** Split along an axis. */
export const split: NodeRule = context => {
  const { builder, node, value } = context;
  const x = value(0);
  const [axis = 0] = fromFront([intOf(node, 'axis', 0)], x.shape.length);
  const length = x.shape[axis] ?? 0;
  const count = node.outputs.length;
  const even = Math.ceil(length / count);
  const sizes = numbersOf(context, 'split', 1) ?? node.outputs.map((_, index) => Math.min(even, length - index * even));
  const ends = sizes.map((_, index) => sizes.slice(0, index + 1).reduce((sum, size) => sum + size, 0));
  return ends.map((end, index) => builder.slice(x, axis, ends[index - 1] ?? 0, end));
};

/** One plane, or planes one by one, picked by numbers that are known. */
export const gather: NodeRule = context => {
  const { builder, node, value, known } = context;
  const x = value(0);
  const indices = known(1) ?? refuse('Gather at places that depend on the image');
  const [axis = 0] = fromFront([intOf(node, 'axis', 0)], x.shape.length);
  const size = x.shape[axis] ?? 0;
  const parts = [...indices.data].map(at =>
    builder.slice(x, axis, at < 0 ? at + size : at, (at < 0 ? at + size : at) + 1),
  );
  const shape: Shape = [...x.shape.slice(0, axis), ...indices.shape, ...x.shape.slice(axis + 1)];
  return builder.reshape(builder.concat(parts, axis), shape);
};

/** Every axis of a pad, from those that are named. */
function allPads(pads: readonly number[], axes: readonly number[], rank: number): readonly number[] {
  const result = new Array<number>(2 * rank).fill(0);
  axes.forEach((axis, index) => {
    result[axis] = pads[index] ?? 0;
    result[axis + rank] = pads[index + axes.length] ?? 0;
  });
  return result;
}

/** Pad: nothing at all by any mode, zeros by the constant one; fewer than none cut off. */
export const pad: NodeRule = context => {
  const { builder, node, value } = context;
  const x = value(0);
  const rank = x.shape.length;
  const given = numbersOf(context, 'pads', 1) ?? refuse('Pad without pads');
  const axes = isGiven(context, 3) ? fromFront(knownNumbers(context, 3, 'axes'), rank) : x.shape.map((_, axis) => axis);
  const pads = allPads(given, axes, rank);
  if (pads.every(count => count === 0)) return x;
  const mode = textOf(node, 'mode', 'constant');
  if (mode !== 'constant') return refuse(`Pad by ${mode}`);
  const filler = scalarOf(context, 2, 0);
  if (filler !== 0) return refuse(`Pad with ${filler}`);
  const cut = x.shape.reduce(
    (part, size, axis) => builder.slice(part, axis, Math.max(0, -pads[axis]!), size + Math.min(0, pads[axis + rank]!)),
    x,
  );
  return builder.pad(
    cut,
    pads.map(count => Math.max(0, count)),
  );
};

/** Repeats along axes, each as one axis more that is spread out. */
function repeated(builder: GraphBuilder, x: Value, repeats: readonly number[]): Value {
  return repeats.reduce((image, count, axis) => {
    if (count === 1) return image;
    const { shape } = image;
    const apart = builder.reshape(image, [...shape.slice(0, axis), 1, ...shape.slice(axis)]);
    const spread = builder.expand(apart, [...shape.slice(0, axis), count, ...shape.slice(axis)]);
    return builder.reshape(spread, shape.with(axis, count * (shape[axis] as number)));
  }, x);
}

/** Tile. */
export const tile: NodeRule = context =>
  repeated(context.builder, context.value(0), knownNumbers(context, 1, 'repeats'));

/** Expand. */
export const expand: NodeRule = context => {
  const x = context.value(0);
  const asked = knownNumbers(context, 1, 'a shape');
  const rank = Math.max(asked.length, x.shape.length);
  const [own, other] = [x.shape, asked].map(shape => [...new Array<number>(rank - shape.length).fill(1), ...shape]) as [
    number[],
    number[],
  ];
  return context.builder.expand(
    x,
    own.map((size, axis) => (size === 1 ? (other[axis] as number) : size)),
  );
};
