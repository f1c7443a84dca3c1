/**
 * Nodes whose operands are known before the model runs, computed at once: shape arithmetic, and constants that
 * exporters leave to be made. Whole numbers are float64, as in tensor-content.ts. What is not in the table is left to
 * the rules for images.
 */
import { lookUp } from '../../core/look-up.ts';
import { broadcastShapes, elementCount, type Shape } from '../../core/shape.ts';
import type { FileNode } from '../read-model.ts';
import { isRealType, type Known, tensorContent } from '../tensor-content.ts';
import { askedShape, intOf, intsOf, refuse } from './context.ts';

/** Constants are no larger than this, whatever a file asks for. */
const MOST_ELEMENTS = 2 ** 26;

type Operands = readonly (Known | undefined)[];
type Fold = (operands: Operands, node: FileNode) => Known | undefined;

function assertSize(shape: Shape): void {
  if (!(elementCount(shape) <= MOST_ELEMENTS)) refuse(`a constant of ${shape.join('x')} numbers`);
}

function made(shape: Shape, like: Known, at: (index: number) => number): Known {
  assertSize(shape);
  const count = elementCount(shape);
  const data = like.data instanceof Float32Array ? new Float32Array(count) : new Float64Array(count);
  for (let index = 0; index < count; index++) data[index] = at(index);
  return { shape, data };
}

const stridesOf = (shape: Shape): number[] => shape.map((_, axis) => elementCount(shape.slice(axis + 1)));

/** The elements of another shape, each taken from the place that the map gives for its coordinates. */
function gathered(source: Known, shape: Shape, place: (coordinates: readonly number[]) => readonly number[]): Known {
  const [to, from] = [stridesOf(shape), stridesOf(source.shape)];
  return made(shape, source, index => {
    const coordinates = shape.map((size, axis) => Math.floor(index / to[axis]!) % size);
    return source.data[place(coordinates).reduce((sum, at, axis) => sum + at * from[axis]!, 0)]!;
  });
}

function broadcast(source: Known, shape: Shape): Known {
  const skipped = shape.length - source.shape.length;
  return gathered(source, shape, at => source.shape.map((size, axis) => (size === 1 ? 0 : at[axis + skipped]!)));
}

const unary =
  (compute: (value: number) => number): Fold =>
  ([x]) =>
    x && made(x.shape, x, index => compute(x.data[index]!));

const binary =
  (compute: (left: number, right: number, areReal: boolean) => number, isTruth = false): Fold =>
  ([left, right]) => {
    const shape = left && right && broadcastShapes(left.shape, right.shape);
    if (left === undefined || right === undefined || shape === undefined) return undefined;
    const areReal = left.data instanceof Float32Array;
    const [a, b] = [broadcast(left, shape).data, broadcast(right, shape).data];
    const like = isTruth ? { shape: [], data: new Float64Array(0) } : left;
    return made(shape, like, index => compute(a[index]!, b[index]!, areReal));
  };

/** Axes of an attribute, or of an operand in newer operator sets. */
const axesOf = (node: FileNode, operand: Known | undefined): readonly number[] | undefined => {
  const ints = intsOf(node, 'axes', []);
  return ints.length > 0 ? ints : operand && [...operand.data];
};

const reduce =
  (join: (left: number, right: number) => number, start: number): Fold =>
  ([x, operand], node) => {
    if (x === undefined) return undefined;
    const rank = x.shape.length;
    const axes = (axesOf(node, operand) ?? x.shape.map((_, axis) => axis)).map(axis => (axis + rank) % rank);
    const kept = x.shape.map((size, axis) => (axes.includes(axis) ? 1 : size));
    const result = made(kept, x, () => start);
    const [from, to] = [stridesOf(x.shape), stridesOf(kept)];
    x.data.forEach((value, index) => {
      const place = x.shape.reduce(
        (sum, size, axis) => sum + (axes.includes(axis) ? 0 : (Math.floor(index / from[axis]!) % size) * to[axis]!),
        0,
      );
      result.data[place] = join(result.data[place]!, value);
    });
    return intOf(node, 'keepdims', 1) === 1
      ? result
      : { ...result, shape: kept.filter((_, axis) => !axes.includes(axis)) };
  };

const slice: Fold = ([x, starts, ends, axes, steps]) => {
  if (x === undefined || starts === undefined || ends === undefined) return undefined;
  const rank = x.shape.length;
  const first = new Array<number>(rank).fill(0);
  const stride = new Array<number>(rank).fill(1);
  const shape = [...x.shape];
  starts.data.forEach((start, index) => {
    const axis = ((axes?.data[index] ?? index) + rank) % rank;
    const [size, step] = [x.shape[axis]!, steps?.data[index] ?? 1];
    const place = (at: number): number =>
      Math.min(step > 0 ? size : size - 1, Math.max(step > 0 ? 0 : -1, at < 0 ? at + size : at));
    first[axis] = place(start);
    stride[axis] = step;
    shape[axis] = Math.max(0, Math.ceil((place(ends.data[index]!) - first[axis]!) / step));
  });
  return gathered(x, shape, at => at.map((coordinate, axis) => first[axis]! + coordinate * stride[axis]!));
};

const concat: Fold = (operands, node) => {
  const all = operands as readonly Known[];
  const [first] = all;
  if (first === undefined) return undefined;
  const axis = (intOf(node, 'axis', 0) + first.shape.length) % first.shape.length;
  const ends = all.map((_, index) => all.slice(0, index + 1).reduce((sum, { shape }) => sum + shape[axis]!, 0));
  const shape = first.shape.with(axis, ends.at(-1)!);
  const [to, parts] = [stridesOf(shape), all.map(({ shape: own }) => stridesOf(own))];
  return made(shape, first, index => {
    const at = shape.map((size, place) => Math.floor(index / to[place]!) % size);
    const part = ends.findIndex(end => at[axis]! < end);
    const offset = at[axis]! - (ends[part - 1] ?? 0);
    return all[part]!.data[
      at.reduce((sum, one, place) => sum + (place === axis ? offset : one) * parts[part]![place]!, 0)
    ]!;
  });
};

const gather: Fold = ([x, indices], node) => {
  if (x === undefined || indices === undefined) return undefined;
  const axis = (intOf(node, 'axis', 0) + x.shape.length) % x.shape.length;
  const shape = [...x.shape.slice(0, axis), ...indices.shape, ...x.shape.slice(axis + 1)];
  const steps = stridesOf(indices.shape);
  return gathered(x, shape, at => {
    const inside = at.slice(axis, axis + indices.shape.length);
    const picked = indices.data[inside.reduce((sum, one, place) => sum + one * steps[place]!, 0)]!;
    return [
      ...at.slice(0, axis),
      picked < 0 ? picked + x.shape[axis]! : picked,
      ...at.slice(axis + indices.shape.length),
    ];
  });
};

const unsqueeze: Fold = ([x, operand], node) => {
  const axes = axesOf(node, operand);
  if (x === undefined || axes === undefined) return undefined;
  const rank = x.shape.length + axes.length;
  const places = axes.map(axis => (axis + rank) % rank);
  const rest = [...x.shape];
  return { ...x, shape: Array.from({ length: rank }, (_, axis) => (places.includes(axis) ? 1 : rest.shift()!)) };
};

const squeeze: Fold = ([x, operand], node) => {
  if (x === undefined) return undefined;
  const rank = x.shape.length;
  const axes = axesOf(node, operand)?.map(axis => (axis + rank) % rank);
  return { ...x, shape: x.shape.filter((size, axis) => (axes === undefined ? size !== 1 : !axes.includes(axis))) };
};

const cast: Fold = ([x], node) => {
  if (x === undefined) return undefined;
  const to = intOf(node, 'to', 1);
  if (isRealType(to)) return { ...x, data: Float32Array.from(x.data) };
  const toWhole = to === 9 ? (value: number): number => Number(value !== 0) : Math.trunc;
  return { ...x, data: Float64Array.from(x.data, toWhole) };
};

const FOLDS: Readonly<Record<string, Fold>> = {
  Identity: ([x]) => x,
  Dropout: ([x]) => x,
  Cast: cast,
  Size: ([x]) => x && { shape: [], data: Float64Array.of(x.data.length) },
  ConstantOfShape: ([size], node) => {
    const given = node.attributes.get('value')?.tensor;
    const value = (given && tensorContent(given)) ?? { shape: [1], data: Float32Array.of(0) };
    return size && made([...size.data], value, () => value.data[0]!);
  },
  Concat: concat,
  Slice: slice,
  Gather: gather,
  Unsqueeze: unsqueeze,
  Squeeze: squeeze,
  Reshape: ([x, shape]) => x && shape && { ...x, shape: askedShape([...shape.data], x.shape) },
  Transpose: ([x], node) => {
    if (x === undefined) return undefined;
    const perm = intsOf(node, 'perm', x.shape.map((_, axis) => axis).reverse());
    return gathered(
      x,
      perm.map(axis => x.shape[axis]!),
      at => x.shape.map((_, axis) => at[perm.indexOf(axis)]!),
    );
  },
  Expand: ([x, asked]) => {
    const shape = x && asked && broadcastShapes(x.shape, [...asked.data]);
    return x && shape && broadcast(x, shape);
  },
  Tile: ([x, repeats]) =>
    x &&
    repeats &&
    gathered(
      x,
      x.shape.map((size, axis) => size * (repeats.data[axis] ?? 1)),
      at => at.map((one, axis) => one % x.shape[axis]!),
    ),
  Range: ([start, limit, step]) => {
    if (start === undefined || limit === undefined || step === undefined) return undefined;
    const [from, to, by] = [start.data[0]!, limit.data[0]!, step.data[0]!];
    return made([Math.max(0, Math.ceil((to - from) / by))], start, index => from + index * by);
  },
  Where: ([condition, yes, no]) => {
    const branches = yes && no && broadcastShapes(yes.shape, no.shape);
    const shape = condition && branches && broadcastShapes(condition.shape, branches);
    if (condition === undefined || yes === undefined || no === undefined || shape === undefined) return undefined;
    const [c, a, b] = [condition, yes, no].map(one => broadcast(one, shape).data) as [
      Known['data'],
      Known['data'],
      Known['data'],
    ];
    return made(shape, yes, index => (c[index] === 0 ? b[index]! : a[index]!));
  },
  // the weights of quantised models; of their images nothing is known beforehand
  DequantizeLinear: ([x, scale, zero], node) => {
    if (x === undefined || scale === undefined) return undefined;
    const axis = (intOf(node, 'axis', 1) + x.shape.length) % Math.max(1, x.shape.length);
    const [step, size] = [elementCount(x.shape.slice(axis + 1)), x.shape[axis] ?? 1];
    const group = (index: number): number => (scale.data.length === 1 ? 0 : Math.floor(index / step) % size);
    return made(
      x.shape,
      scale,
      index => (x.data[index]! - (zero?.data[group(index)] ?? 0)) * scale.data[group(index)]!,
    );
  },
  Add: binary((a, b) => a + b),
  Sub: binary((a, b) => a - b),
  Mul: binary((a, b) => a * b),
  Div: binary((a, b, areReal) => (areReal ? a / b : Math.trunc(a / b))),
  Mod: binary((a, b) => a - b * Math.floor(a / b)),
  Pow: binary((a, b) => a ** b),
  Min: binary((a, b) => Math.min(a, b)),
  Max: binary((a, b) => Math.max(a, b)),
  Equal: binary((a, b) => Number(a === b), true),
  Greater: binary((a, b) => Number(a > b), true),
  GreaterOrEqual: binary((a, b) => Number(a >= b), true),
  Less: binary((a, b) => Number(a < b), true),
  LessOrEqual: binary((a, b) => Number(a <= b), true),
  And: binary((a, b) => Number(a !== 0 && b !== 0), true),
  Or: binary((a, b) => Number(a !== 0 || b !== 0), true),
  Not: unary(value => Number(value === 0)),
  Neg: unary(value => -value),
  Abs: unary(Math.abs),
  Floor: unary(Math.floor),
  Ceil: unary(Math.ceil),
  Sqrt: unary(Math.sqrt),
  Exp: unary(Math.exp),
  Log: unary(Math.log),
  Reciprocal: unary(value => 1 / value),
  ReduceProd: reduce((a, b) => a * b, 1),
  ReduceSum: reduce((a, b) => a + b, 0),
  ReduceMax: reduce(Math.max, Number.NEGATIVE_INFINITY),
  ReduceMin: reduce(Math.min, Number.POSITIVE_INFINITY),
};

/** The value of a node whose operands are known; undefined where it is not known beforehand. */
export function fold(node: FileNode, operands: Operands): Known | undefined {
  const rule = lookUp(FOLDS, node.op);
  return rule?.(operands, node);
}

/** The value of a Constant, in whichever attribute it is. */
export function constantValue({ attributes }: FileNode): Known | undefined {
  const content = attributes.get('value')?.tensor;
  if (content !== undefined) return tensorContent(content);
  const [float, floats, int, ints] = ['value_float', 'value_floats', 'value_int', 'value_ints'].map(name =>
    attributes.get(name),
  );
  if (float !== undefined) return { shape: [], data: Float32Array.of(float.float) };
  if (floats !== undefined) return { shape: [floats.floats.length], data: Float32Array.from(floats.floats) };
  if (int !== undefined) return { shape: [], data: Float64Array.of(int.int) };
  return ints && { shape: [ints.ints.length], data: Float64Array.from(ints.ints) };
}
