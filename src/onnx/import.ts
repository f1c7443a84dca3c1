/**
 * A model from elsewhere as a graph of ours, so that it can be lowered to the blocked kernels: its operators one by one, for one fixed shape of its
 * image. What the closed list of operators cannot say, or says only for some attributes, is named; nothing is approximated.
 * Source of defaults and meanings: https://onnx.ai/onnx/operators.
 */
import { ShapeError } from '../core/errors.ts';
import { elementCount, type Shape, type Triple } from '../core/shape.ts';
import { tensor } from '../core/tensor.ts';
import { type Graph, GraphBuilder, type Value } from '../graph/graph.ts';
import { perChannel } from '../graph/moments.ts';
import type { ConvAttributes, OpName } from '../graph/ops.ts';
import type { DecodedModel } from './decode.ts';
import type { FileNode, FileTensor } from './read-model.ts';
import { tensorContent } from './tensor-content.ts';

/** Older ones say the same in other ways. */
const OLDEST_OPERATOR_SET = 11;
/** Shapes, scales, places and the like are no longer than this. */
const MOST_NUMBERS = 64;

/** Why a model stays as it is. */
class Unsupported extends Error {}

function refuse(reason: string): never {
  throw new Unsupported(reason);
}

/** A node with what its operands are. */
interface Context {
  readonly builder: GraphBuilder;
  readonly node: FileNode;
  readonly operatorSet: number;
  /** Operand as an image or other float tensor. */
  readonly value: (index: number) => Value;
  /** Whole numbers of an operand that is known beforehand; undefined where it is left out. */
  readonly numbers: (index: number) => readonly number[] | undefined;
}

type Rule = (context: Context) => Value;

const triple = (values: readonly number[], what: string): Triple =>
  values.length === 3 ? [values[0]!, values[1]!, values[2]!] : refuse(`${what} of ${values.length} axes`);

function intsOf({ attributes }: FileNode, name: string, otherwise: readonly number[]): readonly number[] {
  const ints = attributes.get(name)?.ints;
  return ints === undefined || ints.length === 0 ? otherwise : ints;
}

const intOf = ({ attributes }: FileNode, name: string, otherwise: number): number =>
  attributes.get(name)?.int ?? otherwise;
const floatOf = ({ attributes }: FileNode, name: string, otherwise: number): number =>
  attributes.get(name)?.float ?? otherwise;
const textOf = ({ attributes }: FileNode, name: string, otherwise: string): string =>
  attributes.get(name)?.text ?? otherwise;

/** Attributes that must have one value, as they mostly do. */
function demand(node: FileNode, numbers: Readonly<Record<string, number>>): void {
  for (const [name, only] of Object.entries(numbers)) {
    if (intOf(node, name, only) !== only) refuse(`${node.op} with ${name}`);
  }
}

function assertNoAutoPad(node: FileNode): void {
  const auto = textOf(node, 'auto_pad', 'NOTSET');
  if (auto !== 'NOTSET') refuse(`${node.op} with auto_pad ${auto}`);
}

/** The geometry of a convolution with this kernel [., ., kD, kH, kW]. */
function convAttributes(node: FileNode, kernel: Value): ConvAttributes {
  assertNoAutoPad(node);
  const pads = intsOf(node, 'pads', [0, 0, 0, 0, 0, 0]);
  if (pads.length !== 6) refuse(`${node.op} of ${pads.length / 2} axes`);
  return {
    kernel: triple(kernel.shape.slice(2), node.op),
    strides: triple(intsOf(node, 'strides', [1, 1, 1]), node.op),
    dilations: triple(intsOf(node, 'dilations', [1, 1, 1]), node.op),
    pads: pads as unknown as ConvAttributes['pads'],
    group: intOf(node, 'group', 1),
    upsample: [1, 1, 1],
  };
}

function withBias({ builder, node, value }: Context, result: Value): Value {
  return (node.inputs[2] ?? '') === '' ? result : builder.add(result, perChannel(builder, value(2)));
}

const conv: Rule = context => {
  const { builder, node, value } = context;
  const [x, kernel] = [value(0), value(1)];
  return withBias(context, builder.apply('Conv', [x, kernel], convAttributes(node, kernel)));
};

const convTranspose: Rule = context => {
  const { builder, node, value } = context;
  const [y, kernel] = [value(0), value(1)];
  const attributes = convAttributes(node, kernel);
  const { kernel: taps, strides, dilations, pads } = attributes;
  if (node.attributes.has('output_shape')) refuse('ConvTranspose with output_shape');
  const extra = intsOf(node, 'output_padding', [0, 0, 0]);
  const size = ([0, 1, 2] as const).map(axis => {
    const made = strides[axis] * ((y.shape[axis + 2] ?? 0) - 1) + dilations[axis] * (taps[axis] - 1) + 1;
    return made + (extra[axis] ?? 0) - pads[axis] - pads[(axis + 3) as 3 | 4 | 5];
  });
  const whole = { ...attributes, size: triple(size, node.op) };
  return withBias(context, builder.apply('ConvTranspose', [y, kernel], whole));
};

const instanceNormalization: Rule = ({ builder, node, value }) => {
  const x = value(0);
  const [batch = 0, channels = 0, ...rest] = x.shape;
  // exporters write group normalisation as that of groups in a row
  const image = builder.reshape(x, [batch, channels, elementCount(rest), 1, 1]);
  const epsilon = floatOf(node, 'epsilon', 1e-5);
  const normalized = builder.apply('InstanceNormalization', [rest.length === 3 ? x : image, value(1), value(2)], {
    epsilon,
  });
  return builder.reshape(normalized, x.shape);
};

/** (x - mean) / sqrt(variance + epsilon) * scale + bias, with the moments of the training. */
const batchNormalization: Rule = ({ builder, node, value }) => {
  demand(node, { training_mode: 0 });
  const [x, scale, bias, mean, variance] = [value(0), value(1), value(2), value(3), value(4)];
  const factor = builder.div(scale, builder.sqrt(builder.add(variance, floatOf(node, 'epsilon', 1e-5))));
  const shift = builder.sub(bias, builder.mul(mean, factor));
  return builder.add(builder.mul(x, perChannel(builder, factor)), perChannel(builder, shift));
};

/** Windows that lie side by side. */
const pool =
  (op: 'MaxPool' | 'AveragePool'): Rule =>
  ({ builder, node, value }) => {
    assertNoAutoPad(node);
    demand(node, { ceil_mode: 0 });
    const kernel = triple(intsOf(node, 'kernel_shape', []), op);
    const isPlain = intsOf(node, 'pads', []).every(pad => pad === 0);
    if (!isPlain || String(intsOf(node, 'strides', [1, 1, 1])) !== String(kernel))
      refuse(`${op} of windows that overlap`);
    if (intsOf(node, 'dilations', [1, 1, 1]).some(dilation => dilation !== 1)) refuse(`${op} with dilations`);
    return builder.apply(op, [value(0)], { kernel });
  };

/** Ways to round that take voxel floor(x / s) for every whole scale s. */
const NEAREST = ['asymmetric floor', 'half_pixel round_prefer_floor', 'half_pixel round_prefer_ceil'];

const resize: Rule = ({ builder, node, value, numbers }) => {
  const x = value(0);
  const mode = textOf(node, 'mode', 'nearest');
  const way = `${textOf(node, 'coordinate_transformation_mode', 'half_pixel')} ${textOf(node, 'nearest_mode', 'round_prefer_floor')}`;
  if (mode !== 'nearest' || !NEAREST.includes(way)) refuse(`Resize by ${mode} ${way}`);
  demand(node, { antialias: 0 });
  if (intsOf(node, 'axes', []).length > 0) refuse('Resize of some axes');
  const sizes = numbers(3);
  const given = sizes === undefined ? numbers(2) : sizes.map((size, axis) => size / (x.shape[axis] ?? Number.NaN));
  const [n, c, ...scales] = given ?? refuse('Resize by factors that are computed');
  if (n !== 1 || c !== 1 || !scales.every(Number.isInteger)) refuse(`Resize by ${given}`);
  return builder.apply('Resize', [x], { scales: triple(scales, 'Resize') });
};

const unary =
  (op: 'Relu' | 'Sigmoid' | 'Tanh' | 'Softplus' | 'Exp' | 'Log' | 'Sqrt' | 'Neg' | 'Abs'): Rule =>
  ({ builder, value }) =>
    builder.apply(op, [value(0)], {});

const binary =
  (op: 'Add' | 'Sub' | 'Mul' | 'Div' | 'Max' | 'Min' | 'PRelu' | 'MatMul'): Rule =>
  ({ builder, node, value }) =>
    node.inputs.length === 2 ? builder.apply(op, [value(0), value(1)], {}) : refuse(`${op} of ${node.inputs.length}`);

function logSoftmax({ builder, node, operatorSet, value }: Context): Value {
  if (operatorSet < 13) refuse(`${node.op} of operator set ${operatorSet}, over all axes that follow`);
  const x = value(0);
  const axis = intOf(node, 'axis', -1);
  return builder.apply('LogSoftmax', [x], { axis: axis < 0 ? axis + x.shape.length : axis });
}

const reshape: Rule = ({ builder, node, value, numbers }) => {
  demand(node, { allowzero: 0 });
  const x = value(0);
  const asked = (numbers(1) ?? refuse('Reshape to a shape that is computed')).map((size, axis) =>
    size === 0 ? (x.shape[axis] ?? 0) : size,
  );
  const rest = elementCount(x.shape) / elementCount(asked.filter(size => size >= 0));
  return builder.reshape(
    x,
    asked.map(size => (size < 0 ? rest : size)),
  );
};

const concat: Rule = ({ builder, node, value }) => {
  const values = node.inputs.map((_, index) => value(index));
  const axis = intOf(node, 'axis', 1);
  return builder.concat(values, axis < 0 ? axis + (values[0]?.shape.length ?? 0) : axis);
};

const slice: Rule = ({ builder, node, value, numbers }) => {
  const x = value(0);
  const [starts, ends] = [numbers(1), numbers(2)];
  if (starts === undefined || ends === undefined) return refuse('Slice between places that are computed');
  const axes = numbers(3) ?? starts.map((_, axis) => axis);
  if ((numbers(4) ?? []).some(step => step !== 1)) refuse(`${node.op} in steps of ${numbers(4)}`);
  return axes.reduce((part, given, index) => {
    const axis = given < 0 ? given + x.shape.length : given;
    const size = x.shape[axis] ?? 0;
    const place = (at: number): number => Math.min(size, Math.max(0, at < 0 ? at + size : at));
    return builder.slice(part, axis, place(starts[index] ?? 0), place(ends[index] ?? 0));
  }, x);
};

const pad: Rule = ({ builder, node, value, numbers }) => {
  const mode = textOf(node, 'mode', 'constant');
  const pads = numbers(1);
  if (mode !== 'constant' || pads === undefined || (numbers(2) ?? [0]).some(filler => filler !== 0)) {
    return refuse(`Pad by ${mode} with anything but zeros`);
  }
  return builder.pad(value(0), pads);
};

const RULES: Readonly<Record<string, Rule>> = {
  Conv: conv,
  ConvTranspose: convTranspose,
  InstanceNormalization: instanceNormalization,
  BatchNormalization: batchNormalization,
  LeakyRelu: ({ builder, node, value }) =>
    builder.apply('LeakyRelu', [value(0)], { alpha: floatOf(node, 'alpha', 0.01) }),
  PRelu: binary('PRelu'),
  MatMul: binary('MatMul'),
  Relu: unary('Relu'),
  Sigmoid: unary('Sigmoid'),
  Tanh: unary('Tanh'),
  Softplus: unary('Softplus'),
  Exp: unary('Exp'),
  Log: unary('Log'),
  Sqrt: unary('Sqrt'),
  Neg: unary('Neg'),
  Abs: unary('Abs'),
  Add: binary('Add'),
  Sub: binary('Sub'),
  Mul: binary('Mul'),
  Div: binary('Div'),
  Max: binary('Max'),
  Min: binary('Min'),
  LogSoftmax: logSoftmax,
  Softmax: context => context.builder.exp(logSoftmax(context)),
  MaxPool: pool('MaxPool'),
  AveragePool: pool('AveragePool'),
  Resize: resize,
  Concat: concat,
  Slice: slice,
  Pad: pad,
  Reshape: reshape,
  Transpose: ({ builder, node, value }) => builder.transpose(value(0), intsOf(node, 'perm', [])),
  Identity: ({ value }) => value(0),
  // the third operand turns it on
  Dropout: ({ node, value }) => (node.inputs.length > 2 ? refuse('Dropout that may be on') : value(0)),
} satisfies Partial<Record<OpName | 'Identity' | 'Dropout' | 'BatchNormalization' | 'Softmax', Rule>>;

export interface ImportOptions {
  /** Name and fixed shape [N, C, D, H, W] of the image. */
  readonly input: { readonly name: string; readonly shape: Shape };
  /** Names of the tensors that are wanted. */
  readonly outputs: readonly string[];
}

function importGraph(model: DecodedModel, { input, outputs }: ImportOptions): Graph {
  const operatorSet = model.operatorSets.get('') ?? 0;
  if (operatorSet < OLDEST_OPERATOR_SET) refuse(`operator set ${operatorSet}`);
  const { nodes, initializers } = model;
  const builder = new GraphBuilder();
  const values = new Map<string, Value>([[input.name, builder.input(input.name, input.shape)]]);
  const numbers = new Map<string, readonly number[]>();
  const know = (name: string, content: FileTensor | undefined): void => {
    const known = content && tensorContent(content);
    if (known === undefined) return;
    const { shape, data } = known;
    if (data instanceof Float32Array) values.set(name, builder.constant(tensor('float32', data, shape)));
    if (data.length <= MOST_NUMBERS) numbers.set(name, [...data]);
  };
  for (const content of initializers) know(content.name, content);
  for (const node of nodes) {
    const [result = ''] = node.outputs;
    if (node.op === 'Constant' && node.domain === '') {
      know(result, node.attributes.get('value')?.tensor);
      continue;
    }
    const shape = node.op === 'Shape' ? values.get(node.inputs[0] ?? '')?.shape : undefined;
    if (shape !== undefined) {
      // what is computed from a fixed shape is known
      demand(node, { start: 0 });
      if (node.attributes.has('end')) refuse('Shape of some axes');
      numbers.set(result, shape);
      continue;
    }
    const rule = node.domain === '' || node.domain === 'ai.onnx' ? RULES[node.op] : undefined;
    if (rule === undefined) refuse(`the operator ${node.op}`);
    const made = rule({
      builder,
      node,
      operatorSet,
      value: index => values.get(node.inputs[index] ?? '') ?? refuse(`${node.op} of what is no float32 tensor`),
      numbers: index => numbers.get(node.inputs[index] ?? ''),
    });
    values.set(result, made);
  }
  const wanted = outputs.map(name => [name, values.get(name) ?? refuse(`a result called ${name}`)] as const);
  return { outputs: Object.fromEntries(wanted) };
}

/**
 * Reads a model as a graph.
 * @param model with all weights inside
 * @returns the graph with these outputs, or why it has none
 */
export function importModel(model: DecodedModel, options: ImportOptions): Graph | { readonly unsupported: string } {
  try {
    return importGraph(model, options);
  } catch (error) {
    if (error instanceof Unsupported || error instanceof ShapeError) return { unsupported: error.message };
    throw error;
  }
}
