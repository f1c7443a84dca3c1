/**
 * Small settings of every operator, shared by the tests of the derivatives (against central differences) and of the
 * lowering (against the reference evaluator). Shapes are tiny and unequal, so that a mixed-up axis shows.
 */
import { type Random, random } from '../../src/core/random.ts';
import { elementCount, type Shape, type Triple } from '../../src/core/shape.ts';
import { type DataType, type Tensor, tensor } from '../../src/core/tensor.ts';
import { PLAIN_CONVOLUTION } from '../../src/graph/convolution.ts';
import type { GraphBuilder, Value } from '../../src/graph/graph.ts';
import { convolvedSize } from '../../src/graph/infer.ts';
import type { BinaryOp, ConvAttributes, OpAttributes, OpName, UnaryOp } from '../../src/graph/ops.ts';

/** How an operand is drawn: signed numbers away from 0, positive ones, or {0, 1, 2} for ties. */
type Draw = 'signed' | 'positive' | 'ties';

export interface CaseOperand {
  readonly shape: Shape;
  readonly draw: Draw;
  readonly dataType: DataType;
}

export interface OperatorCase {
  readonly name: string;
  readonly operands: readonly CaseOperand[];
  readonly build: (builder: GraphBuilder, operands: readonly Value[]) => Value;
}

/** One number of a draw, exact in float32, so that float32 and float64 start alike. */
function drawn(draw: Draw, source: Random): number {
  switch (draw) {
    case 'ties':
      return source.integer(3);
    case 'positive':
      return Math.fround(0.3 + 1.5 * source.uniform());
    case 'signed':
      return Math.fround((0.1 + 1.2 * source.uniform()) * (source.uniform() < 0.5 ? -1 : 1));
    default:
      return draw satisfies never;
  }
}

/** Values of an operand, the same for the same key. */
export function draw({ shape, draw: kind }: Pick<CaseOperand, 'shape' | 'draw'>, ...key: (string | number)[]) {
  const source = random('operand', ...key);
  return Float64Array.from({ length: elementCount(shape) }, () => drawn(kind, source));
}

/** Values as a tensor of an engine. */
export function toTensor(values: Float64Array, dataType: DataType, shape: Shape): Tensor {
  switch (dataType) {
    case 'float32':
      return tensor('float32', Float32Array.from(values), shape);
    case 'int32':
      return tensor('int32', Int32Array.from(values), shape);
    case 'bool':
      return tensor(
        'bool',
        Uint8Array.from(values, value => (value === 0 ? 0 : 1)),
        shape,
      );
    default:
      throw new Error(`no case uses ${dataType}`);
  }
}

const float = (shape: Shape, kind: Draw = 'signed'): CaseOperand => ({ shape, draw: kind, dataType: 'float32' });

function settings<K extends OpName>(
  op: K,
  attributes: readonly OpAttributes[K][],
  ...operands: readonly (CaseOperand | Shape)[]
): readonly OperatorCase[] {
  const complete = operands.map(operand => ('draw' in operand ? operand : float(operand)));
  const shapes = complete.map(({ shape }) => `[${shape}]`).join(' ');
  return attributes.map(own => ({
    name: `${op} ${shapes} ${JSON.stringify(own)}`,
    operands: complete,
    build: (builder, values) => builder.apply(op, values, own),
  }));
}

/** Every way two shapes broadcast: same, row, column, both ways, lower rank, scalar on either side. */
const PAIRS: readonly (readonly [Shape, Shape])[] = [
  [
    [2, 3],
    [2, 3],
  ],
  [
    [2, 3],
    [1, 3],
  ],
  [
    [2, 1],
    [2, 3],
  ],
  [
    [2, 1, 4],
    [3, 1],
  ],
  [
    [2, 3, 4],
    [3, 1],
  ],
  [[], [3, 2]],
  [[3, 2], []],
];

function binary(op: BinaryOp): readonly OperatorCase[] {
  return PAIRS.map(([left, right]) => ({
    name: `${op} [${left}] [${right}]`,
    operands: [float(left), float(right)],
    build: (builder, values) => builder.apply(op, values, {}),
  }));
}

type Comparison = 'Equal' | 'Greater';
const comparison = (op: Comparison): readonly OperatorCase[] =>
  PAIRS.map(([left, right]) => ({
    name: `${op} [${left}] [${right}]`,
    operands: [float(left, 'ties'), float(right, 'ties')],
    build: (builder, values) => builder.apply(op, values, {}),
  }));

/** Those that are defined for every number. */
const unary = (op: Exclude<UnaryOp, 'Sqrt' | 'Log'>) => settings(op, [{}], [2, 3, 2]);

const AXES = [{ axes: [0] }, { axes: [2] }, { axes: [0, 2] }, { axes: [0, 1, 2] }, { axes: [] }];

/** A convolution's geometry with the sizes it is tried on. */
interface ConvSetting {
  readonly name: string;
  readonly attributes: ConvAttributes;
  /** Spatial size of x. */
  readonly size: Triple;
  readonly batch: number;
  readonly inChannels: number;
  readonly outChannels: number;
}

function conv(name: string, changes: Partial<ConvAttributes & Omit<ConvSetting, 'name' | 'attributes'>>): ConvSetting {
  const { size = [3, 4, 5], batch = 1, inChannels = 2, outChannels = 3, ...attributes } = changes;
  return {
    name,
    size,
    batch,
    inChannels,
    outChannels,
    attributes: { ...PLAIN_CONVOLUTION, ...attributes },
  };
}

const NO_PADS = [0, 0, 0, 0, 0, 0] as const;

const CONV_SETTINGS: readonly ConvSetting[] = [
  conv('3x3x3', { batch: 2 }),
  conv('1x1x1', { kernel: [1, 1, 1], pads: NO_PADS, batch: 2 }),
  conv('5x5x5', { kernel: [5, 5, 5], pads: [2, 2, 2, 2, 2, 2], size: [2, 3, 3] }),
  conv('5x3x1', { kernel: [5, 3, 1], pads: [2, 1, 0, 2, 1, 0] }),
  conv('1x2x4 without zeros around', { kernel: [1, 2, 4], pads: NO_PADS }),
  conv('stride 2', { strides: [2, 2, 2], size: [3, 4, 5] }),
  conv('stride 1x2x3 with voxels left over', { strides: [1, 2, 3], pads: NO_PADS, size: [3, 6, 7] }),
  conv('2x2x2 at stride 2', { kernel: [2, 2, 2], strides: [2, 2, 2], pads: NO_PADS, size: [2, 4, 2] }),
  conv('dilation 2', { dilations: [2, 2, 2], pads: [2, 2, 2, 2, 2, 2], size: [3, 4, 3] }),
  conv('dilation 1x2x3, stride 2', { dilations: [1, 2, 3], strides: [2, 2, 2], pads: [1, 2, 3, 1, 2, 3] }),
  conv('2 groups', { group: 2, inChannels: 4, outChannels: 6, size: [2, 3, 2], batch: 2 }),
  conv('depthwise', { group: 3, inChannels: 3, outChannels: 3, size: [2, 3, 2] }),
  conv('uneven zeros', { pads: [1, 0, 2, 0, 1, 1] }),
  conv('more zeros than the kernel reaches', { kernel: [1, 3, 1], pads: [1, 3, 0, 0, 1, 2], size: [2, 2, 3] }),
  conv('upsampled by 2x2x2', { upsample: [2, 2, 2], size: [2, 3, 2] }),
  conv('upsampled by 1x2x2', { upsample: [1, 2, 2], kernel: [1, 3, 3], pads: [0, 1, 1, 0, 1, 1], size: [2, 2, 3] }),
  conv('upsampled by 2x1x3, uneven, stride 1x2x1', {
    upsample: [2, 1, 3],
    kernel: [3, 2, 1],
    strides: [1, 2, 1],
    pads: [0, 1, 1, 1, 0, 0],
    size: [2, 3, 2],
  }),
];

/** Shapes of x, w and y of a setting. */
function convShapes({ attributes, size, batch, inChannels, outChannels }: ConvSetting) {
  return {
    x: [batch, inChannels, ...size],
    w: [outChannels, inChannels / attributes.group, ...attributes.kernel],
    y: [batch, outChannels, ...convolvedSize(size, attributes)],
  };
}

function convCases(op: 'Conv' | 'ConvTranspose' | 'ConvKernelGradient'): readonly OperatorCase[] {
  return CONV_SETTINGS.map(setting => {
    const { x, w, y } = convShapes(setting);
    const operands = { Conv: [x, w], ConvTranspose: [y, w], ConvKernelGradient: [x, y] }[op];
    return {
      name: `${op} ${setting.name}`,
      operands: operands.map(shape => float(shape)),
      build: (builder, values) =>
        op === 'ConvTranspose'
          ? builder.apply(op, values, { ...setting.attributes, size: setting.size })
          : builder.apply(op, values, setting.attributes),
    };
  });
}

const KERNELS: readonly { readonly kernel: Triple }[] = [
  { kernel: [2, 2, 2] },
  { kernel: [1, 2, 3] },
  { kernel: [1, 1, 1] },
];
const IMAGE = [2, 3, 2, 4, 6];

function whereCase(condition: Shape, yes: Shape, no: Shape): OperatorCase {
  return {
    name: `Where [${condition}] [${yes}] [${no}]`,
    operands: [{ shape: condition, draw: 'ties', dataType: 'bool' }, float(yes), float(no)],
    build: (builder, values) => builder.apply('Where', values, {}),
  };
}

/** Settings by operator; at least one each. */
export const OPERATOR_CASES: { readonly [K in OpName]: readonly OperatorCase[] } = {
  Input: [{ name: 'Input', operands: [float([2, 3])], build: (_, values) => values[0]! }],
  Constant: [
    {
      name: 'Constant, added',
      operands: [float([2])],
      build: (builder, values) => builder.add(values[0]!, builder.float([0.5, -2], [2])),
    },
  ],
  Add: binary('Add'),
  Sub: binary('Sub'),
  Mul: binary('Mul'),
  Div: binary('Div'),
  Max: binary('Max'),
  Min: binary('Min'),
  Neg: unary('Neg'),
  Detach: settings('Detach', [{}], [2, 3, 2]),
  Abs: unary('Abs'),
  Sign: unary('Sign'),
  Sqrt: settings('Sqrt', [{}], float([2, 3], 'positive')),
  Exp: unary('Exp'),
  Log: settings('Log', [{}], float([2, 3], 'positive')),
  Sigmoid: unary('Sigmoid'),
  Tanh: unary('Tanh'),
  Erf: unary('Erf'),
  Softplus: unary('Softplus'),
  Relu: unary('Relu'),
  LeakyRelu: settings('LeakyRelu', [{ alpha: 0.01 }, { alpha: 0.3 }, { alpha: 0 }], [3, 4]),
  Elu: settings('Elu', [{ alpha: 1 }, { alpha: 0.3 }], [3, 4]),
  PRelu: [
    ...settings('PRelu', [{}], [2, 3, 2], [3, 1]),
    ...settings('PRelu', [{}], [2, 3], [2, 3]),
    ...settings('PRelu', [{}], [2, 3], []),
  ],
  LeakyReluGradient: settings('LeakyReluGradient', [{ alpha: 0 }, { alpha: 0.25 }], float([3, 4], 'ties'), [3, 4]),
  Clip: settings('Clip', [{ min: -0.5, max: 0.75 }], [3, 4]),
  Equal: comparison('Equal'),
  Greater: comparison('Greater'),
  Where: [
    whereCase([2, 3], [2, 3], [2, 3]),
    whereCase([3], [2, 1], []),
    whereCase([2, 1], [], [1, 3]),
    whereCase([], [2, 1], [3]),
  ],
  Cast: [
    ...settings('Cast', [{ to: 'bool' }, { to: 'int32' }], float([3, 4], 'ties')),
    ...settings('Cast', [{ to: 'float32' }], { shape: [3, 4], draw: 'ties', dataType: 'int32' }),
  ],
  ReduceSum: settings('ReduceSum', AXES, [2, 3, 4]),
  ReduceMean: settings('ReduceMean', AXES, [2, 3, 4]),
  ReduceMax: settings('ReduceMax', AXES, [2, 3, 4]),
  LogSoftmax: settings('LogSoftmax', [{ axis: 0 }, { axis: 1 }, { axis: 2 }], [2, 3, 4]),
  Reshape: settings('Reshape', [{ shape: [3, 4] }, { shape: [2, 6] }, { shape: [1, 12, 1] }], [2, 3, 2]),
  Transpose: settings('Transpose', [{ perm: [2, 0, 1] }, { perm: [1, 0, 2] }, { perm: [0, 1, 2] }], [2, 3, 4]),
  Slice: settings(
    'Slice',
    [
      { axis: 0, start: 1, end: 2 },
      { axis: 1, start: 1, end: 3 },
      { axis: 2, start: 0, end: 1 },
    ],
    [2, 4, 3],
  ),
  Pad: settings('Pad', [{ pads: [1, 0, 0, 2] }, { pads: [0, 2, 1, 0] }], [2, 3]),
  Concat: [
    ...settings('Concat', [{ axis: 1 }], [2, 3, 2], [2, 1, 2], [2, 2, 2]),
    ...settings('Concat', [{ axis: 0 }], [1, 3], [2, 3]),
  ],
  Expand: [
    ...settings('Expand', [{ shape: [2, 3, 4] }], [3, 1]),
    ...settings('Expand', [{ shape: [2, 3] }], []),
    ...settings('Expand', [{ shape: [2, 3] }], [2, 1]),
  ],
  MatMul: [
    ...settings('MatMul', [{}], [2, 3], [3, 4]),
    ...settings('MatMul', [{}], [2, 1, 2, 3], [4, 3, 1]),
    ...settings('MatMul', [{}], [2, 3], [5, 3, 2]),
  ],
  Conv: convCases('Conv'),
  ConvTranspose: convCases('ConvTranspose'),
  ConvKernelGradient: convCases('ConvKernelGradient'),
  MaxPool: settings('MaxPool', KERNELS, IMAGE),
  MaxPoolGradient: KERNELS.map(({ kernel }) => ({
    name: `MaxPoolGradient ${kernel} with ties`,
    operands: [float(IMAGE, 'ties'), float(IMAGE.map((size, axis) => size / ([1, 1, ...kernel][axis] as number)))],
    build: (builder, values) => {
      const [x, dy] = values as readonly [Value, Value];
      return builder.apply('MaxPoolGradient', [x, builder.apply('MaxPool', [x], { kernel }), dy], { kernel });
    },
  })),
  AveragePool: settings('AveragePool', KERNELS, IMAGE),
  Resize: settings('Resize', [{ scales: [2, 2, 2] }, { scales: [1, 2, 3] }], [2, 3, 2, 1, 2]),
  InstanceNormalization: settings(
    'InstanceNormalization',
    [{ epsilon: 1e-5 }, { epsilon: 0.5 }],
    [2, 3, 2, 3, 2],
    [3],
    [3],
  ),
};
