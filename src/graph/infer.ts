/** Shape and type rules of all operators; only this file decides whether operands fit. */
import type { Axis } from '../core/axes.ts';
import { ShapeError } from '../core/errors.ts';
import { broadcastShapes, elementCount, formatShape, type Shape, sameShape, type Triple } from '../core/shape.ts';
import type { DataType } from '../core/tensor.ts';
import type { ConvAttributes, OpAttributes, OpName } from './ops.ts';

/** Element type and shape of an operand or a result. */
export interface TensorType {
  readonly shape: Shape;
  readonly dataType: DataType;
}

type Rule<Attributes> = (inputs: readonly TensorType[], attributes: Attributes) => TensorType;

function fail(op: string, inputs: readonly TensorType[], reason: string): never {
  const shapes = inputs.map(input => `${input.dataType} ${formatShape(input.shape)}`).join(', ');
  throw new ShapeError(`${op}(${shapes}): ${reason}`);
}

function at(op: string, inputs: readonly TensorType[], index: number): TensorType {
  return inputs[index] ?? fail(op, inputs, `operand ${index} is missing`);
}

const same =
  (op: OpName): Rule<unknown> =>
  inputs =>
    at(op, inputs, 0);

const broadcast =
  (op: OpName, dataType?: DataType): Rule<unknown> =>
  inputs => {
    const [left, right] = [at(op, inputs, 0), at(op, inputs, 1)];
    const shape = broadcastShapes(left.shape, right.shape) ?? fail(op, inputs, 'shapes do not broadcast');
    if (left.dataType !== right.dataType) fail(op, inputs, 'element types differ');
    return { shape, dataType: dataType ?? left.dataType };
  };

const reduce =
  (op: OpName): Rule<{ readonly axes: readonly number[] }> =>
  (inputs, { axes }) => {
    const input = at(op, inputs, 0);
    if (axes.some(axis => axis < 0 || axis >= input.shape.length))
      fail(op, inputs, `axes ${axes} are outside the rank`);
    return { ...input, shape: input.shape.map((size, axis) => (axes.includes(axis) ? 1 : size)) };
  };

const pool =
  (op: OpName): Rule<{ readonly kernel: Triple }> =>
  (inputs, { kernel }) => {
    const input = at(op, inputs, 0);
    const [batch, channels, ...space] = input.shape;
    if (space.length !== 3) fail(op, inputs, 'needs [N, C, D, H, W]');
    if (space.some((size, axis) => size % kernel[axis as Axis] !== 0))
      fail(op, inputs, `window ${kernel} does not divide the size`);
    return {
      ...input,
      shape: [batch as number, channels as number, ...space.map((size, axis) => size / kernel[axis as Axis])],
    };
  };

/** Spatial size after a convolution. */
export function convolvedSize(size: Triple, attributes: ConvAttributes): Triple {
  const { kernel, strides, dilations, pads, upsample } = attributes;
  const one = (axis: Axis): number => {
    const padded = size[axis] * upsample[axis] + pads[axis] + pads[(axis + 3) as 3 | 4 | 5];
    return Math.floor((padded - dilations[axis] * (kernel[axis] - 1) - 1) / strides[axis]) + 1;
  };
  return [one(0), one(1), one(2)];
}

/** Depth, height and width of an image shape. */
export function spatial(shape: Shape): Triple {
  if (shape.length !== 5) throw new ShapeError(`an image is [N, C, D, H, W], got ${formatShape(shape)}`);
  return [shape[2] as number, shape[3] as number, shape[4] as number];
}

const RULES: { readonly [K in OpName]: Rule<OpAttributes[K]> } = {
  Input: inputs => fail('Input', inputs, 'is made by the builder'),
  Constant: inputs => fail('Constant', inputs, 'is made by the builder'),
  Add: broadcast('Add'),
  Sub: broadcast('Sub'),
  Mul: broadcast('Mul'),
  Div: broadcast('Div'),
  Max: broadcast('Max'),
  Min: broadcast('Min'),
  Neg: same('Neg'),
  Abs: same('Abs'),
  Sign: same('Sign'),
  Sqrt: same('Sqrt'),
  Exp: same('Exp'),
  Log: same('Log'),
  Sigmoid: same('Sigmoid'),
  Tanh: same('Tanh'),
  Erf: same('Erf'),
  Softplus: same('Softplus'),
  Relu: same('Relu'),
  LeakyRelu: same('LeakyRelu'),
  Elu: same('Elu'),
  PRelu: inputs => {
    const result = broadcast('PRelu')(inputs, {});
    return sameShape(result.shape, at('PRelu', inputs, 0).shape)
      ? result
      : fail('PRelu', inputs, 'the slope is larger than the input');
  },
  LeakyReluGradient: inputs =>
    sameShape(at('LeakyReluGradient', inputs, 0).shape, at('LeakyReluGradient', inputs, 1).shape)
      ? at('LeakyReluGradient', inputs, 0)
      : fail('LeakyReluGradient', inputs, 'shapes differ'),
  Clip: same('Clip'),
  Equal: broadcast('Equal', 'bool'),
  Greater: broadcast('Greater', 'bool'),
  Where: inputs => {
    const branches = broadcast('Where')(inputs.slice(1), {});
    const shape =
      broadcastShapes(at('Where', inputs, 0).shape, branches.shape) ?? fail('Where', inputs, 'shapes do not broadcast');
    return { shape, dataType: branches.dataType };
  },
  Detach: same('Detach'),
  Cast: (inputs, { to }) => ({ shape: at('Cast', inputs, 0).shape, dataType: to }),
  ReduceSum: reduce('ReduceSum'),
  ReduceMean: reduce('ReduceMean'),
  ReduceMax: reduce('ReduceMax'),
  LogSoftmax: same('LogSoftmax'),
  Reshape: (inputs, { shape }) => {
    const input = at('Reshape', inputs, 0);
    if (elementCount(input.shape) !== elementCount(shape))
      fail('Reshape', inputs, `cannot become ${formatShape(shape)}`);
    return { ...input, shape };
  },
  Transpose: (inputs, { perm }) => {
    const input = at('Transpose', inputs, 0);
    if (String([...perm].sort((a, b) => a - b)) !== String(input.shape.map((_, axis) => axis)))
      fail('Transpose', inputs, `perm ${perm}`);
    return { ...input, shape: perm.map(axis => input.shape[axis] as number) };
  },
  Slice: (inputs, { axis, start, end }) => {
    const input = at('Slice', inputs, 0);
    const size = input.shape[axis] ?? fail('Slice', inputs, `axis ${axis} is outside the rank`);
    if (start < 0 || end > size || start >= end) fail('Slice', inputs, `${start}:${end} is outside axis ${axis}`);
    return { ...input, shape: input.shape.map((old, index) => (index === axis ? end - start : old)) };
  },
  Pad: (inputs, { pads }) => {
    const input = at('Pad', inputs, 0);
    const rank = input.shape.length;
    if (pads.length !== 2 * rank || pads.some(count => count < 0)) fail('Pad', inputs, `pads ${pads}`);
    return {
      ...input,
      shape: input.shape.map((size, axis) => size + (pads[axis] as number) + (pads[axis + rank] as number)),
    };
  },
  Concat: (inputs, { axis }) => {
    const first = at('Concat', inputs, 0);
    const rest = (shape: Shape): string => String(shape.map((size, index) => (index === axis ? 0 : size)));
    if (inputs.some(input => rest(input.shape) !== rest(first.shape)))
      fail('Concat', inputs, `differ outside axis ${axis}`);
    const total = inputs.reduce((sum, input) => sum + (input.shape[axis] as number), 0);
    return { ...first, shape: first.shape.map((size, index) => (index === axis ? total : size)) };
  },
  Expand: (inputs, { shape }) => {
    const input = at('Expand', inputs, 0);
    const result = broadcastShapes(input.shape, shape);
    if (result === undefined || !sameShape(result, shape))
      fail('Expand', inputs, `cannot become ${formatShape(shape)}`);
    return { ...input, shape };
  },
  MatMul: inputs => {
    const [left, right] = [at('MatMul', inputs, 0), at('MatMul', inputs, 1)];
    const [rows, inner] = left.shape.slice(-2);
    const [innerRight, columns] = right.shape.slice(-2);
    const batch = broadcastShapes(left.shape.slice(0, -2), right.shape.slice(0, -2));
    if (batch === undefined || inner !== innerRight || columns === undefined)
      fail('MatMul', inputs, 'inner sizes differ');
    return { dataType: left.dataType, shape: [...batch, rows as number, columns as number] };
  },
  Conv: (inputs, attributes) => {
    const [input, kernel] = [at('Conv', inputs, 0), at('Conv', inputs, 1)];
    const [out, perGroup, ...taps] = kernel.shape;
    if (input.shape[1] !== (perGroup as number) * attributes.group)
      fail('Conv', inputs, `input channels against ${attributes.group} groups`);
    if (String(taps) !== String(attributes.kernel)) fail('Conv', inputs, `kernel attribute ${attributes.kernel}`);
    const size = convolvedSize(spatial(input.shape), attributes);
    if (size.some(length => length < 1)) fail('Conv', inputs, `nothing is left of the input (${size})`);
    return { ...input, shape: [input.shape[0] as number, out as number, ...size] };
  },
  ConvTranspose: (inputs, attributes) => {
    const [output, kernel] = [at('ConvTranspose', inputs, 0), at('ConvTranspose', inputs, 1)];
    if (output.shape[1] !== kernel.shape[0]) fail('ConvTranspose', inputs, 'channels differ');
    const forward = convolvedSize(attributes.size, attributes);
    if (String(forward) !== String(spatial(output.shape)))
      fail('ConvTranspose', inputs, `size ${attributes.size} would give ${forward}`);
    return {
      ...output,
      shape: [output.shape[0] as number, (kernel.shape[1] as number) * attributes.group, ...attributes.size],
    };
  },
  ConvKernelGradient: (inputs, attributes) => {
    const [input, dy] = [at('ConvKernelGradient', inputs, 0), at('ConvKernelGradient', inputs, 1)];
    const forward = convolvedSize(spatial(input.shape), attributes);
    if (String(forward) !== String(spatial(dy.shape)))
      fail('ConvKernelGradient', inputs, `the convolution gives ${forward}`);
    return {
      ...input,
      shape: [dy.shape[1] as number, (input.shape[1] as number) / attributes.group, ...attributes.kernel],
    };
  },
  MaxPool: pool('MaxPool'),
  MaxPoolGradient: inputs => at('MaxPoolGradient', inputs, 0),
  AveragePool: pool('AveragePool'),
  Resize: (inputs, { scales }) => {
    const input = at('Resize', inputs, 0);
    const [depth, height, width] = spatial(input.shape);
    return { ...input, shape: [...input.shape.slice(0, 2), depth * scales[0], height * scales[1], width * scales[2]] };
  },
  InstanceNormalization: inputs => {
    const input = at('InstanceNormalization', inputs, 0);
    const channels = String([input.shape[1]]);
    if (String(inputs[1]?.shape) !== channels || String(inputs[2]?.shape) !== channels) {
      fail('InstanceNormalization', inputs, 'scale and bias need one number per channel');
    }
    return input;
  },
};

/** Type of an operator's result. @throws {ShapeError} if the operands do not fit */
export function infer<K extends OpName>(op: K, inputs: readonly TensorType[], attributes: OpAttributes[K]): TensorType {
  return (RULES[op] as Rule<OpAttributes[K]>)(inputs, attributes);
}
