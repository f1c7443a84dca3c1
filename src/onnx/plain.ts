/**
 * The plain lowering: every operator in standard ONNX operators only, on row-major tensors with the graph's own shapes.
 * It runs on any ONNX runtime (WASM, WebGPU, any CPU) and is the reference that the blocked lowering is compared with.
 */
import { type Axis, mapAxes } from '../core/axes.ts';
import { elementCount, range, type Triple } from '../core/shape.ts';
import { BLOCK_ORDER, NO_PADS, PLAIN_CONVOLUTION, padsFrom } from '../graph/convolution.ts';
import type { Value } from '../graph/graph.ts';
import { convolvedSize, spatial } from '../graph/infer.ts';
import type { BinaryOp, ConvAttributes, OpAttributes, OpName, UnaryOp } from '../graph/ops.ts';
import type { Emitted, Emitter } from './emitter.ts';
import { ONNX_TYPES } from './model.ts';

/** One operator to lower: its node in the graph and the row-major tensors of its operands. */
interface PlainInput<K extends OpName> {
  readonly emit: Emitter;
  readonly value: Value<K>;
  readonly attributes: OpAttributes[K];
  readonly operands: readonly Emitted[];
}

/** How one operator is lowered. */
export type PlainRule<K extends OpName> = (input: PlainInput<K>) => Emitted;

/** First, second, third operand. */
type Three = readonly [Emitted, Emitted, Emitted];
const three = (operands: readonly Emitted[]): Three => operands as Three;

const binary =
  (op: BinaryOp | 'PRelu' | 'Equal' | 'Greater'): PlainRule<OpName> =>
  ({ emit, value, operands }) =>
    emit.binary(op, three(operands)[0], three(operands)[1], value.dataType);

const unary =
  (op: UnaryOp): PlainRule<OpName> =>
  ({ emit, operands }) =>
    emit.unary(op, three(operands)[0]);

const reduce =
  (op: 'ReduceSum' | 'ReduceMean' | 'ReduceMax'): PlainRule<'ReduceSum' | 'ReduceMean' | 'ReduceMax'> =>
  ({ emit, attributes, operands }) =>
    emit.reduce(op, three(operands)[0], attributes.axes);

/** Nearest upsampling by whole factors, as a broadcast. */
export function upsample(emit: Emitter, input: Emitted, [sd, sh, sw]: Triple): Emitted {
  if (sd * sh * sw === 1) return input;
  const [batch, channels, depth, height, width] = input.shape as readonly [number, number, number, number, number];
  const spread = emit.reshape(input, [batch * channels * depth, 1, height, 1, width, 1]);
  const wide = emit.expand(spread, [batch * channels * depth, sd, height, sh, width, sw]);
  return emit.reshape(wide, [batch, channels, depth * sd, height * sh, width * sw]);
}

function pool(emit: Emitter, op: 'MaxPool' | 'AveragePool', input: Emitted, kernel: Triple): Emitted {
  const [batch, channels, ...size] = input.shape as readonly [number, number, ...number[]];
  const shape = [batch, channels, ...size.map((length, axis) => length / kernel[axis as Axis])];
  return emit.node(op, [input], shape, { attributes: { kernel_shape: kernel, strides: kernel } });
}

/** Sums of windows of an image. */
export function windowSum(emit: Emitter, input: Emitted, kernel: Triple): Emitted {
  if (elementCount(kernel) === 1) return input;
  return emit.binary('Mul', pool(emit, 'AveragePool', input, kernel), emit.float(elementCount(kernel)));
}

function convolve(emit: Emitter, input: Emitted, kernel: Emitted, attributes: ConvAttributes): Emitted {
  const { kernel: size, strides, dilations, pads, group, upsample: scales } = attributes;
  const wide = upsample(emit, input, scales);
  const shape = [
    input.shape[0] as number,
    kernel.shape[0] as number,
    ...convolvedSize(spatial(input.shape), attributes),
  ];
  return emit.node('Conv', [wide, kernel], shape, {
    attributes: { kernel_shape: size, strides, dilations, pads, group },
  });
}

/** The kernel of the adjoint at stride 1: taps reversed, channels swapped within each group. */
export function adjointKernel(emit: Emitter, kernel: Emitted, group: number): Emitted {
  const [out, perGroup, ...size] = kernel.shape as readonly [number, number, ...number[]];
  const taps = elementCount(size);
  const flat = emit.reshape(kernel, [group, out / group, perGroup, taps]);
  const reversed = taps === 1 ? flat : emit.gather(flat, range(taps).reverse(), [taps], 3);
  return emit.reshape(emit.transpose(reversed, [0, 2, 1, 3]), [group * perGroup, out / group, ...size]);
}

/** Whether every result of a transposed convolution meets one tap: its kernel is its stride. */
export function fillsBlocks(
  { kernel, strides, dilations, pads, group, upsample: scales, size }: OpAttributes['ConvTranspose'],
  image: Triple,
): boolean {
  return (
    group === 1 &&
    String(kernel) === String(strides) &&
    strides.some(stride => stride > 1) &&
    String(size) === String(mapAxes(axis => image[axis] * strides[axis])) &&
    scales.every(scale => scale === 1) &&
    pads.every(count => count === 0) &&
    dilations.every(dilation => dilation === 1)
  );
}

/**
 * A transposed convolution whose kernel is its stride: a 1x1x1 convolution to all voxels of a block, which then take
 * their places. ONNX Runtime's WebGPU has no ConvTranspose of volumes.
 */
function blocksOfVoxels(emit: Emitter, image: Emitted, kernel: Emitted): Emitted {
  const [into, out, kd, kh, kw] = kernel.shape as readonly [number, number, number, number, number];
  const [batch, , depth, height, width] = image.shape as readonly [number, number, number, number, number];
  const taps = kd * kh * kw;
  const point = emit.reshape(emit.transpose(emit.reshape(kernel, [into, out * taps]), [1, 0]), [
    out * taps,
    into,
    1,
    1,
    1,
  ]);
  const made = convolve(emit, image, point, { ...PLAIN_CONVOLUTION, kernel: [1, 1, 1], pads: NO_PADS });
  const apart = emit.reshape(made, [batch, out, kd, kh, kw, depth, height, width]);
  return emit.reshape(emit.transpose(apart, BLOCK_ORDER), [batch, out, depth * kd, height * kh, width * kw]);
}

const convTranspose: PlainRule<'ConvTranspose'> = ({ emit, attributes, operands }) => {
  const [dy, kernel] = three(operands);
  if (fillsBlocks(attributes, spatial(dy.shape))) return blocksOfVoxels(emit, dy, kernel);
  const { kernel: taps, strides, dilations, pads, group, upsample: scales, size } = attributes;
  const wide = mapAxes(axis => size[axis] * scales[axis]);
  const reach = mapAxes(axis => dilations[axis] * (taps[axis] - 1));
  let result: Emitted;
  if (strides.every(stride => stride === 1) && pads.every((count, side) => count <= (reach[side % 3] as number))) {
    const opposite = padsFrom(
      axis => reach[axis] - pads[axis],
      axis => reach[axis] - pads[(axis + 3) as 3 | 4 | 5],
    );
    const adjoint = { kernel: taps, strides, dilations, pads: opposite, group, upsample: [1, 1, 1] as const };
    result = convolve(emit, dy, adjointKernel(emit, kernel, group), adjoint);
  } else {
    const outputPadding = wide.map((length, axis) => {
      const made = ((dy.shape[axis + 2] as number) - 1) * strides[axis as Axis] + (reach[axis] as number) + 1;
      return length - made + (pads[axis] as number) + (pads[axis + 3] as number);
    });
    const shape = [dy.shape[0] as number, (kernel.shape[1] as number) * group, ...wide];
    result = emit.node('ConvTranspose', [dy, kernel], shape, {
      attributes: { kernel_shape: taps, strides, dilations, pads, group, output_padding: outputPadding },
    });
  }
  return windowSum(emit, result, scales);
};

/**
 * One matrix product per kernel plane: the input, shifted by each tap of the plane, against dy.
 * columns [N, G, kH kW Ci/G, L] x dy' [N, G, L, Co/G], summed over N.
 */
const convKernelGradient: PlainRule<'ConvKernelGradient'> = ({ emit, attributes, operands }) => {
  const [input, dy] = three(operands);
  const { kernel, strides, dilations, pads, group, upsample: scales } = attributes;
  const [batch, channels] = input.shape as readonly [number, number];
  const [, out, ...size] = dy.shape as readonly [number, number, ...number[]];
  const [voxels, perGroup, outPerGroup] = [elementCount(size), channels / group, out / group];
  const padded = emit.pad(upsample(emit, input, scales), [0, 0, ...pads.slice(0, 3), 0, 0, ...pads.slice(3)]);
  const shifted = (taps: Triple): Emitted => {
    const view = taps.reduce((part, tap, axis) => {
      const start = tap * dilations[axis as Axis];
      const stride = strides[axis as Axis];
      return emit.slice(part, axis + 2, start, start + ((size[axis] as number) - 1) * stride + 1, stride);
    }, padded);
    return emit.reshape(view, [batch, group, perGroup, voxels]);
  };
  const turned = emit.transpose(emit.reshape(dy, [batch, group, outPerGroup, voxels]), [0, 1, 3, 2]);
  const planeTaps = kernel[1] * kernel[2];
  const planes = range(kernel[0]).map(plane => {
    const views = range(planeTaps).map(tap => shifted([plane, Math.floor(tap / kernel[2]), tap % kernel[2]]));
    const product = emit.reduce('ReduceSum', emit.matmul(emit.concat(views, 2), turned), [0]);
    return emit.reshape(product, [group, planeTaps, perGroup, outPerGroup, 1]);
  });
  const stacked = emit.transpose(emit.concat(planes, 4), [0, 3, 2, 4, 1]);
  return emit.reshape(stacked, [out, perGroup, ...kernel]);
};

const maxPoolGradient: PlainRule<'MaxPoolGradient'> = ({ emit, attributes: { kernel }, operands }) => {
  const [x, y, dy] = three(operands);
  const equal = emit.binary('Equal', x, upsample(emit, y, kernel), 'bool');
  const maxima = emit.node('Cast', [equal], x.shape, { attributes: { to: ONNX_TYPES.float32 }, dataType: 'float32' });
  const shared = emit.binary('Div', dy, windowSum(emit, maxima, kernel));
  return emit.binary('Mul', upsample(emit, shared, kernel), maxima);
};

const PLAIN_RULES: { readonly [K in OpName]: PlainRule<K> } = {
  Input: ({ value }) => ({ name: value.attributes.name, shape: value.shape, dataType: value.dataType }),
  Constant: ({ emit, value }) =>
    emit.constant({ dataType: value.dataType, shape: value.shape, data: value.attributes.data }, value.attributes.name),
  Add: binary('Add'),
  Sub: binary('Sub'),
  Mul: binary('Mul'),
  Div: binary('Div'),
  Max: binary('Max'),
  Min: binary('Min'),
  Neg: unary('Neg'),
  Abs: unary('Abs'),
  Sign: unary('Sign'),
  Sqrt: unary('Sqrt'),
  Exp: unary('Exp'),
  Log: unary('Log'),
  Sigmoid: unary('Sigmoid'),
  Tanh: unary('Tanh'),
  Erf: unary('Erf'),
  Softplus: unary('Softplus'),
  Relu: unary('Relu'),
  LeakyRelu: ({ emit, attributes, operands }) =>
    emit.unary('LeakyRelu', three(operands)[0], { alpha: { float: attributes.alpha } }),
  Elu: ({ emit, attributes, operands }) =>
    emit.unary('Elu', three(operands)[0], { alpha: { float: attributes.alpha } }),
  PRelu: binary('PRelu'),
  LeakyReluGradient: ({ emit, attributes, operands }) => {
    const [y, dy] = three(operands);
    const positive = emit.binary('Greater', y, emit.float(0), 'bool');
    return emit.node('Where', [positive, dy, emit.binary('Mul', dy, emit.float(attributes.alpha))], dy.shape, {
      dataType: 'float32',
    });
  },
  Clip: ({ emit, attributes: { min, max }, operands }) =>
    emit.node('Clip', [three(operands)[0], emit.float(min), emit.float(max)], three(operands)[0].shape),
  Equal: binary('Equal'),
  Greater: binary('Greater'),
  Where: ({ emit, value, operands }) => emit.node('Where', operands, value.shape, { dataType: value.dataType }),
  Cast: ({ emit, attributes: { to }, operands }) =>
    emit.node('Cast', operands, three(operands)[0].shape, { attributes: { to: ONNX_TYPES[to] }, dataType: to }),
  ReduceSum: reduce('ReduceSum'),
  ReduceMean: reduce('ReduceMean'),
  ReduceMax: reduce('ReduceMax'),
  // spelled out: ONNX Runtime's own LogSoftmax transposes its input when the axis is not the last
  LogSoftmax: ({ emit, attributes: { axis }, operands }) => {
    const [x] = three(operands);
    const shifted = emit.binary('Sub', x, emit.reduce('ReduceMax', x, [axis]));
    const sum = emit.reduce('ReduceSum', emit.unary('Exp', shifted), [axis]);
    return emit.binary('Sub', shifted, emit.unary('Log', sum));
  },
  Detach: ({ operands }) => three(operands)[0],
  Reshape: ({ emit, attributes, operands }) => emit.reshape(three(operands)[0], attributes.shape),
  Transpose: ({ emit, attributes, operands }) => emit.transpose(three(operands)[0], attributes.perm),
  Slice: ({ emit, attributes: { axis, start, end }, operands }) => emit.slice(three(operands)[0], axis, start, end),
  Pad: ({ emit, attributes, operands }) => emit.pad(three(operands)[0], attributes.pads),
  Concat: ({ emit, attributes, operands }) => emit.concat(operands, attributes.axis),
  Expand: ({ emit, attributes, operands }) => emit.expand(three(operands)[0], attributes.shape),
  MatMul: ({ emit, operands }) => emit.matmul(three(operands)[0], three(operands)[1]),
  Conv: ({ emit, attributes, operands }) => convolve(emit, three(operands)[0], three(operands)[1], attributes),
  ConvTranspose: convTranspose,
  ConvKernelGradient: convKernelGradient,
  MaxPool: ({ emit, attributes, operands }) => pool(emit, 'MaxPool', three(operands)[0], attributes.kernel),
  MaxPoolGradient: maxPoolGradient,
  AveragePool: ({ emit, attributes, operands }) => pool(emit, 'AveragePool', three(operands)[0], attributes.kernel),
  Resize: ({ emit, value, attributes: { scales }, operands }) =>
    emit.node('Resize', [three(operands)[0], undefined, emit.float([1, 1, ...scales], [5])], value.shape, {
      attributes: { mode: 'nearest', coordinate_transformation_mode: 'asymmetric', nearest_mode: 'floor' },
    }),
  InstanceNormalization: ({ emit, attributes, operands }) =>
    emit.node('InstanceNormalization', operands, three(operands)[0].shape, {
      attributes: { epsilon: { float: attributes.epsilon } },
    }),
};

/** Lowers one operator to standard ONNX operators. */
export function lowerPlain<K extends OpName>(emit: Emitter, value: Value<K>, operands: readonly Emitted[]): Emitted {
  return PLAIN_RULES[value.op]({ emit, value, attributes: value.attributes, operands });
}
