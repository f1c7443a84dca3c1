/**
 * Reference evaluator of the graph: float64, naive loops over the definition of each operator, nothing shared with the
 * lowering. Booleans are 0 and 1, integers are numbers. Slow on purpose: every loop says what the operator means.
 */
import { elementCount, type Shape, type Triple } from '../../src/core/shape.ts';
import { reachable, type Value } from '../../src/graph/graph.ts';
import type { ConvAttributes, OpAttributes, OpName } from '../../src/graph/ops.ts';

/** Row-major values and their shape. */
interface Operand {
  readonly shape: Shape;
  readonly data: Float64Array;
}

interface Context<K extends OpName> {
  readonly shape: Shape;
  readonly attributes: OpAttributes[K];
  readonly operands: readonly Operand[];
  readonly feeds: Readonly<Record<string, Float64Array>>;
}

type Rule<K extends OpName> = (context: Context<K>) => Float64Array;

function stridesOf(shape: Shape): number[] {
  const strides = new Array<number>(shape.length).fill(1);
  for (let axis = shape.length - 2; axis >= 0; axis--) strides[axis] = strides[axis + 1]! * shape[axis + 1]!;
  return strides;
}

/** Calls `visit` with every index of a shape in row-major order; the array is reused. */
function eachIndex(shape: Shape, visit: (index: readonly number[], flat: number) => void): void {
  const index = new Array<number>(shape.length).fill(0);
  const count = elementCount(shape);
  for (let flat = 0; flat < count; flat++) {
    visit(index, flat);
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      index[axis]!++;
      if (index[axis]! < shape[axis]!) break;
      index[axis] = 0;
    }
  }
}

/** Position in an operand of an index of the shape it is broadcast to. */
function broadcastPosition(index: readonly number[], shape: Shape): number {
  let position = 0;
  for (let axis = 0; axis < shape.length; axis++) {
    const at = index[index.length - shape.length + axis]!;
    position = position * shape[axis]! + (shape[axis] === 1 ? 0 : at);
  }
  return position;
}

const elementwise =
  (formula: (...values: number[]) => number): Rule<OpName> =>
  ({ shape, operands }) => {
    const result = new Float64Array(elementCount(shape));
    const isAlike = operands.every(operand => operand.data.length === result.length);
    if (isAlike) return result.map((_, flat) => formula(...operands.map(operand => operand.data[flat]!)));
    eachIndex(shape, (index, flat) => {
      result[flat] = formula(...operands.map(operand => operand.data[broadcastPosition(index, operand.shape)]!));
    });
    return result;
  };

/** Folds over the reduced axes, in row-major order. */
function fold(
  operand: Operand,
  shape: Shape,
  options: { readonly start: number; readonly step: (sum: number, value: number) => number },
): Float64Array {
  const result = new Float64Array(elementCount(shape)).fill(options.start);
  eachIndex(operand.shape, (index, flat) => {
    const position = broadcastPosition(index, shape);
    result[position] = options.step(result[position]!, operand.data[flat]!);
  });
  return result;
}

const sum = (operand: Operand, shape: Shape): Float64Array =>
  fold(operand, shape, { start: 0, step: (total, value) => total + value });
const largest = (operand: Operand, shape: Shape): Float64Array =>
  fold(operand, shape, { start: Number.NEGATIVE_INFINITY, step: Math.max });

/** Reads the element that `source` names for every index of the result, or 0 where it names none. */
function gathered({ shape, data }: Operand, result: Shape, source: (index: readonly number[]) => readonly number[]) {
  const strides = stridesOf(shape);
  const out = new Float64Array(elementCount(result));
  eachIndex(result, (index, flat) => {
    const from = source(index);
    const isInside = from.every((at, axis) => at >= 0 && at < shape[axis]!);
    if (isInside) out[flat] = data[from.reduce((position, at, axis) => position + at * strides[axis]!, 0)]!;
  });
  return out;
}

/** One product of a convolution y[n, o, q] += x[n, i, p] w[o, i', t]: flat positions in x, w and y. */
type Product = (x: number, w: number, y: number) => void;

/**
 * Calls `product` for every product of the convolution; positions in the upsampled and padded image are mapped back to
 * x.
 */
function eachProduct(
  attributes: ConvAttributes,
  shapes: { readonly x: Shape; readonly w: Shape; readonly y: Shape },
  product: Product,
): void {
  const { kernel, strides, dilations, pads, group, upsample } = attributes;
  const [batch, inChannels, xd, xh, xw] = shapes.x as readonly [number, number, number, number, number];
  const [, outChannels, yd, yh, yw] = shapes.y as readonly [number, number, number, number, number];
  const [inPerGroup, outPerGroup] = [inChannels / group, outChannels / group];
  const size: Triple = [xd, xh, xw];
  /** The voxel of x that result `q` reads with tap `t`, or -1 in the padding. */
  const reads = (axis: 0 | 1 | 2, q: number, t: number): number => {
    const wide = q * strides[axis] + t * dilations[axis] - pads[axis];
    return wide < 0 || wide >= size[axis] * upsample[axis] ? -1 : Math.floor(wide / upsample[axis]);
  };
  for (let qd = 0; qd < yd; qd++)
    for (let qh = 0; qh < yh; qh++)
      for (let qw = 0; qw < yw; qw++)
        for (let td = 0; td < kernel[0]; td++)
          for (let th = 0; th < kernel[1]; th++)
            for (let tw = 0; tw < kernel[2]; tw++) {
              const [pd, ph, pw] = [reads(0, qd, td), reads(1, qh, th), reads(2, qw, tw)];
              if (pd < 0 || ph < 0 || pw < 0) continue;
              const xVoxel = (pd * xh + ph) * xw + pw;
              const yVoxel = (qd * yh + qh) * yw + qw;
              const tap = (td * kernel[1] + th) * kernel[2] + tw;
              for (let n = 0; n < batch; n++)
                for (let o = 0; o < outChannels; o++)
                  for (let i = 0; i < inPerGroup; i++) {
                    const channel = Math.floor(o / outPerGroup) * inPerGroup + i;
                    product(
                      (n * inChannels + channel) * xd * xh * xw + xVoxel,
                      (o * inPerGroup + i) * kernel[0] * kernel[1] * kernel[2] + tap,
                      (n * outChannels + o) * yd * yh * yw + yVoxel,
                    );
                  }
            }
}

/** Calls `visit` with the window's position and the member's, both flat, for non-overlapping windows of an image. */
function eachWindowMember(image: Shape, kernel: Triple, visit: (window: number, member: number) => void): void {
  const windows = image.map((size, axis) => (axis < 2 ? size : size / kernel[(axis - 2) as 0 | 1 | 2]));
  const strides = stridesOf(windows);
  eachIndex(image, (index, flat) => {
    const window = index.map((at, axis) => (axis < 2 ? at : Math.floor(at / kernel[(axis - 2) as 0 | 1 | 2])));
    visit(
      window.reduce((position, at, axis) => position + at * strides[axis]!, 0),
      flat,
    );
  });
}

/** The error function, by a series of positive terms: 2 / sqrt(pi) e^(-x^2) sum_n 2^n x^(2n+1) / (2n+1)!!. */
function erf(x: number): number {
  let [term, sum] = [x, x];
  for (let n = 1; n < 200; n++) {
    term *= (2 * x * x) / (2 * n + 1);
    sum += term;
  }
  return (2 / Math.sqrt(Math.PI)) * Math.exp(-x * x) * sum;
}

const RULES: { readonly [K in OpName]: Rule<K> } = {
  Input: ({ attributes, shape, feeds }) => {
    const data = feeds[attributes.name];
    if (data?.length !== elementCount(shape)) throw new Error(`no feed of shape [${shape}] for "${attributes.name}"`);
    return data;
  },
  Constant: ({ attributes }) => Float64Array.from(attributes.data as ArrayLike<number | bigint>, Number),
  Add: elementwise((a, b) => a! + b!),
  Sub: elementwise((a, b) => a! - b!),
  Mul: elementwise((a, b) => a! * b!),
  Div: elementwise((a, b) => a! / b!),
  Max: elementwise(Math.max),
  Min: elementwise(Math.min),
  Neg: elementwise(a => -a!),
  Abs: elementwise(Math.abs),
  Sign: elementwise(Math.sign),
  Sqrt: elementwise(Math.sqrt),
  Exp: elementwise(Math.exp),
  Log: elementwise(Math.log),
  Sigmoid: elementwise(a => 1 / (1 + Math.exp(-a!))),
  Tanh: elementwise(Math.tanh),
  Erf: elementwise(a => erf(a!)),
  Softplus: elementwise(a => Math.max(a!, 0) + Math.log1p(Math.exp(-Math.abs(a!)))),
  Relu: elementwise(a => Math.max(a!, 0)),
  LeakyRelu: ({ attributes: { alpha }, ...rest }) =>
    elementwise(a => (a! > 0 ? a! : alpha * a!))({ attributes: {}, ...rest }),
  Elu: ({ attributes: { alpha }, ...rest }) =>
    elementwise(a => (a! > 0 ? a! : alpha * Math.expm1(a!)))({ attributes: {}, ...rest }),
  PRelu: elementwise((a, slope) => (a! > 0 ? a! : slope! * a!)),
  LeakyReluGradient: ({ attributes: { alpha }, ...rest }) =>
    elementwise((y, dy) => (y! > 0 ? dy! : alpha * dy!))({ attributes: {}, ...rest }),
  Clip: ({ attributes: { min, max }, ...rest }) =>
    elementwise(a => Math.min(max, Math.max(min, a!)))({ attributes: {}, ...rest }),
  Equal: elementwise((a, b) => (a === b ? 1 : 0)),
  Greater: elementwise((a, b) => (a! > b! ? 1 : 0)),
  Where: elementwise((condition, yes, no) => (condition !== 0 ? yes! : no!)),
  Cast: ({ attributes: { to }, ...rest }) => {
    const convert = { float32: (a: number) => a, bool: (a: number) => (a === 0 ? 0 : 1) };
    return elementwise(to in convert ? a => convert[to as 'float32' | 'bool'](a!) : a => Math.trunc(a!))({
      attributes: {},
      ...rest,
    });
  },
  Detach: elementwise(a => a!),
  ReduceSum: ({ operands, shape }) => sum(operands[0]!, shape),
  ReduceMean: ({ operands, shape }) => {
    const count = operands[0]!.data.length / elementCount(shape);
    return sum(operands[0]!, shape).map(total => total / count);
  },
  ReduceMax: ({ operands, shape }) => largest(operands[0]!, shape),
  LogSoftmax: ({ operands, shape, attributes: { axis } }) => {
    const input = operands[0]!;
    const reduced = (shape as number[]).with(axis, 1);
    const peak = largest(input, reduced);
    const result = new Float64Array(input.data.length);
    eachIndex(shape, (index, flat) => {
      result[flat] = input.data[flat]! - peak[broadcastPosition(index, reduced)]!;
    });
    const total = sum({ shape, data: result.map(Math.exp) }, reduced);
    eachIndex(shape, (index, flat) => {
      result[flat]! -= Math.log(total[broadcastPosition(index, reduced)]!);
    });
    return result;
  },
  Reshape: ({ operands }) => operands[0]!.data,
  Transpose: ({ operands, shape, attributes: { perm } }) =>
    gathered(operands[0]!, shape, index => perm.map((_, axis) => index[perm.indexOf(axis)]!)),
  Slice: ({ operands, shape, attributes: { axis, start } }) =>
    gathered(operands[0]!, shape, index => index.map((at, own) => (own === axis ? at + start : at))),
  Pad: ({ operands, shape, attributes: { pads } }) =>
    gathered(operands[0]!, shape, index => index.map((at, axis) => at - pads[axis]!)),
  Concat: ({ operands, shape, attributes: { axis } }) => {
    const result = new Float64Array(elementCount(shape));
    let start = 0;
    for (const operand of operands) {
      const part = gathered(operand, shape, index => index.map((at, own) => (own === axis ? at - start : at)));
      part.forEach((value, flat) => {
        result[flat]! += value;
      });
      start += operand.shape[axis]!;
    }
    return result;
  },
  Expand: elementwise(a => a!),
  MatMul: ({ operands, shape }) => {
    const [left, right] = operands as readonly [Operand, Operand];
    const inner = left.shape.at(-1)!;
    const result = new Float64Array(elementCount(shape));
    eachIndex(shape, (index, flat) => {
      const [row, column] = [index.at(-2)!, index.at(-1)!];
      for (let k = 0; k < inner; k++) {
        const leftAt = broadcastPosition([...index.slice(0, -2), row, k], left.shape);
        const rightAt = broadcastPosition([...index.slice(0, -2), k, column], right.shape);
        result[flat]! += left.data[leftAt]! * right.data[rightAt]!;
      }
    });
    return result;
  },
  Conv: ({ operands, shape, attributes }) => {
    const [x, w] = operands as readonly [Operand, Operand];
    const result = new Float64Array(elementCount(shape));
    eachProduct(attributes, { x: x.shape, w: w.shape, y: shape }, (xAt, wAt, yAt) => {
      result[yAt]! += x.data[xAt]! * w.data[wAt]!;
    });
    return result;
  },
  ConvTranspose: ({ operands, shape, attributes }) => {
    const [y, w] = operands as readonly [Operand, Operand];
    const result = new Float64Array(elementCount(shape));
    eachProduct(attributes, { x: shape, w: w.shape, y: y.shape }, (xAt, wAt, yAt) => {
      result[xAt]! += y.data[yAt]! * w.data[wAt]!;
    });
    return result;
  },
  ConvKernelGradient: ({ operands, shape, attributes }) => {
    const [x, dy] = operands as readonly [Operand, Operand];
    const result = new Float64Array(elementCount(shape));
    eachProduct(attributes, { x: x.shape, w: shape, y: dy.shape }, (xAt, wAt, yAt) => {
      result[wAt]! += x.data[xAt]! * dy.data[yAt]!;
    });
    return result;
  },
  MaxPool: ({ operands, shape, attributes: { kernel } }) => {
    const { data, shape: image } = operands[0]!;
    const result = new Float64Array(elementCount(shape)).fill(Number.NEGATIVE_INFINITY);
    eachWindowMember(image, kernel, (window, member) => {
      result[window] = Math.max(result[window]!, data[member]!);
    });
    return result;
  },
  MaxPoolGradient: ({ operands, shape, attributes: { kernel } }) => {
    const [x, y, dy] = operands as readonly [Operand, Operand, Operand];
    const winners = new Float64Array(y.data.length);
    eachWindowMember(shape, kernel, (window, member) => {
      if (x.data[member] === y.data[window]) winners[window]!++;
    });
    const result = new Float64Array(x.data.length);
    eachWindowMember(shape, kernel, (window, member) => {
      if (x.data[member] === y.data[window]) result[member] = dy.data[window]! / winners[window]!;
    });
    return result;
  },
  AveragePool: ({ operands, shape, attributes: { kernel } }) => {
    const { data, shape: image } = operands[0]!;
    const result = new Float64Array(elementCount(shape));
    eachWindowMember(image, kernel, (window, member) => {
      result[window]! += data[member]! / elementCount(kernel);
    });
    return result;
  },
  Resize: ({ operands, shape, attributes: { scales } }) =>
    gathered(operands[0]!, shape, index =>
      index.map((at, axis) => (axis < 2 ? at : Math.floor(at / scales[(axis - 2) as 0 | 1 | 2]))),
    ),
  InstanceNormalization: ({ operands, shape, attributes: { epsilon } }) => {
    const [x, scale, bias] = operands as readonly [Operand, Operand, Operand];
    const [batch, channels, ...size] = shape as readonly [number, number, ...number[]];
    const voxels = elementCount(size);
    const result = new Float64Array(x.data.length);
    for (let map = 0; map < batch * channels; map++) {
      const values = x.data.subarray(map * voxels, (map + 1) * voxels);
      const mean = values.reduce((total, value) => total + value, 0) / voxels;
      const variance = values.reduce((total, value) => total + (value - mean) ** 2, 0) / voxels;
      values.forEach((value, voxel) => {
        const normal = (value - mean) / Math.sqrt(variance + epsilon);
        result[map * voxels + voxel] = normal * scale.data[map % channels]! + bias.data[map % channels]!;
      });
    }
    return result;
  },
};

function evaluateNode<K extends OpName>(value: Value<K>, known: Map<Value, Float64Array>, feeds: Context<K>['feeds']) {
  const operands = value.inputs.map(input => ({ shape: input.shape, data: known.get(input)! }));
  return RULES[value.op]({ shape: value.shape, attributes: value.attributes, operands, feeds });
}

/**
 * Values of the outputs by name, in float64.
 * @param feeds row-major values of every Input by its name
 */
export function evaluate(
  outputs: Readonly<Record<string, Value>>,
  feeds: Readonly<Record<string, Float64Array>>,
): Record<string, Float64Array> {
  const known = new Map<Value, Float64Array>();
  for (const value of reachable(Object.values(outputs))) known.set(value, evaluateNode(value, known, feeds));
  return Object.fromEntries(Object.entries(outputs).map(([name, value]) => [name, known.get(value)!]));
}
