/**
 * A model from elsewhere as a graph of ours, so that it can be lowered to the blocked kernels: the operators that the
 * wanted outputs need, one by one, for one fixed shape of its image. What depends on nothing but that shape is computed
 * at once. What the closed list of operators cannot say, or says only for some attributes, is named; nothing is
 * approximated. Real numbers of any precision are float32. Source of defaults and meanings:
 * https://onnx.ai/onnx/operators.
 */

import { ShapeError } from '../core/errors.ts';
import { lookUp } from '../core/look-up.ts';
import type { Shape } from '../core/shape.ts';
import { type Graph, GraphBuilder, type Value } from '../graph/graph.ts';
import type { DecodedModel } from './decode.ts';
import { einsum } from './import/attention.ts';
import { constantOf, floatOf, intsOf, type NodeRule, refuse, Unsupported } from './import/context.ts';
import { constantValue, fold } from './import/fold.ts';
import {
  concat,
  expand,
  flatten,
  gather,
  pad,
  reshape,
  slice,
  split,
  squeeze,
  tile,
  unsqueeze,
} from './import/movement.ts';
import {
  batchNormalization,
  globalPool,
  groupNormalization,
  instanceNormalization,
  layerNormalization,
  logSoftmax,
  reduce,
  softmax,
} from './import/normalization.ts';
import {
  binary,
  cast,
  clip,
  divide,
  gelu,
  hardSigmoid,
  hardSwish,
  mish,
  multiply,
  power,
  subtract,
  swish,
  unary,
  variadic,
} from './import/pointwise.ts';
import { resize } from './import/resize.ts';
import { conv, convTranspose, fusedConv, pool } from './import/windows.ts';
import type { FileNode } from './read-model.ts';
import { type Known, tensorContent } from './tensor-content.ts';

/** Oldest supported operator set; older ones express the same in other ways. */
const OLDEST_OPERATOR_SET = 11;

const RULES: Readonly<Record<string, NodeRule>> = {
  Conv: conv,
  ConvTranspose: convTranspose,
  MaxPool: pool('MaxPool'),
  AveragePool: pool('AveragePool'),
  GlobalAveragePool: globalPool('ReduceMean'),
  GlobalMaxPool: globalPool('ReduceMax'),
  InstanceNormalization: instanceNormalization,
  BatchNormalization: batchNormalization,
  GroupNormalization: groupNormalization,
  LayerNormalization: layerNormalization,
  ReduceMean: reduce('ReduceMean'),
  ReduceSum: reduce('ReduceSum'),
  ReduceMax: reduce('ReduceMax'),
  LogSoftmax: logSoftmax,
  Softmax: softmax,
  Relu: unary('Relu'),
  LeakyRelu: ({ builder, node, value }) =>
    builder.apply('LeakyRelu', [value(0)], { alpha: floatOf(node, 'alpha', 0.01) }),
  Elu: ({ builder, node, value }) => builder.apply('Elu', [value(0)], { alpha: floatOf(node, 'alpha', 1) }),
  PRelu: binary('PRelu'),
  Gelu: gelu,
  Mish: mish,
  Swish: swish,
  HardSigmoid: hardSigmoid,
  HardSwish: hardSwish,
  Sigmoid: unary('Sigmoid'),
  Tanh: unary('Tanh'),
  Softplus: unary('Softplus'),
  Erf: unary('Erf'),
  Exp: unary('Exp'),
  Log: unary('Log'),
  Sqrt: unary('Sqrt'),
  Neg: unary('Neg'),
  Abs: unary('Abs'),
  Sign: unary('Sign'),
  Reciprocal: ({ builder, value }) => builder.div(1, value(0)),
  Clip: clip,
  Pow: power,
  Add: variadic('Add'),
  Sum: variadic('Add'),
  Sub: subtract,
  Mul: multiply,
  Div: divide,
  Max: variadic('Max'),
  Min: variadic('Min'),
  MatMul: binary('MatMul'),
  Einsum: einsum,
  Cast: cast,
  Resize: resize,
  Concat: concat,
  Slice: slice,
  Split: split,
  Gather: gather,
  Pad: pad,
  Reshape: reshape,
  Flatten: flatten,
  Squeeze: squeeze,
  Unsqueeze: unsqueeze,
  Expand: expand,
  Tile: tile,
  Transpose: ({ builder, node, value }) => {
    const x = value(0);
    return builder.transpose(x, intsOf(node, 'perm', x.shape.map((_, axis) => axis).reverse()));
  },
  Identity: ({ value }) => value(0),
  // the third operand turns it on
  Dropout: ({ node, value }) => (node.inputs.length > 2 ? refuse('Dropout that may be on') : value(0)),
};

/** Operators that ONNX Runtime's optimizer writes. */
const RUNTIME_RULES: Readonly<Record<string, NodeRule>> = { FusedConv: fusedConv };
const RUNTIME_DOMAIN = 'com.microsoft';

/** The rule of a node. */
function ruleOf({ domain, op }: FileNode, isStandard: boolean): NodeRule | undefined {
  const rules = isStandard ? RULES : domain === RUNTIME_DOMAIN ? RUNTIME_RULES : {};
  return lookUp(rules, op);
}

export interface ImportOptions {
  /** Name and fixed shape [N, C, D, H, W] of the image, in the order of the model's own axes. */
  readonly input: { readonly name: string; readonly shape: Shape };
  /** Names of the tensors that become outputs. */
  readonly outputs: readonly string[];
}

/** The nodes that the outputs need, in the file's order. */
function neededNodes({ nodes }: DecodedModel, outputs: readonly string[]): readonly FileNode[] {
  const needed = new Set(outputs);
  const kept = nodes.toReversed().filter(node => {
    const isNeeded = node.outputs.some(name => name !== '' && needed.has(name));
    if (isNeeded) for (const name of node.inputs) needed.add(name);
    return isNeeded;
  });
  return kept.reverse();
}

/** The values of the model's tensors, as far as they are made. */
class Tensors {
  readonly #values = new Map<string, Value>();
  readonly #known = new Map<string, Known>();
  readonly #builder: GraphBuilder;

  constructor(builder: GraphBuilder) {
    this.#builder = builder;
  }

  setKnown(name: string, content: Known): void {
    this.#known.set(name, content);
  }

  setValue(name: string, value: Value): void {
    this.#values.set(name, value);
  }

  known(name: string): Known | undefined {
    return this.#known.get(name);
  }

  /** A tensor of real numbers; a known one becomes a constant. */
  value(name: string, reader: string): Value {
    const known = this.#known.get(name);
    const value = this.#values.get(name) ?? (known && constantOf(this.#builder, known));
    if (value === undefined) return refuse(`${reader} reads "${name}", whose values are not in the file`);
    this.#values.set(name, value);
    return value;
  }

  shape(name: string): Shape | undefined {
    return this.#values.get(name)?.shape ?? this.#known.get(name)?.shape;
  }
}

function shapeOf(node: FileNode, tensors: Tensors): Known | undefined {
  const shape = node.op === 'Shape' ? tensors.shape(node.inputs[0] ?? '') : undefined;
  if (shape === undefined) return undefined;
  const place = (name: string, otherwise: number): number => {
    const at = node.attributes.get(name)?.int ?? otherwise;
    return at < 0 ? at + shape.length : at;
  };
  const part = shape.slice(place('start', 0), place('end', shape.length));
  return { shape: [part.length], data: Float64Array.from(part) };
}

/** What a node makes, where that is known without the image. */
function knownResult(node: FileNode, tensors: Tensors): Known | undefined {
  if (node.op === 'Constant') return constantValue(node);
  const ofShape = shapeOf(node, tensors);
  if (ofShape !== undefined) return ofShape;
  const operands = node.inputs.map(name => (name === '' ? undefined : tensors.known(name)));
  const areKnown = node.inputs.every((name, index) => name === '' || operands[index] !== undefined);
  return areKnown ? fold(node, operands) : undefined;
}

/** Adds what a node makes. */
function addNode(
  node: FileNode,
  {
    builder,
    tensors,
    operatorSet,
  }: { readonly builder: GraphBuilder; readonly tensors: Tensors; readonly operatorSet: number },
): void {
  const [first = ''] = node.outputs;
  const isStandard = node.domain === '' || node.domain === 'ai.onnx';
  const known = isStandard ? knownResult(node, tensors) : undefined;
  if (known !== undefined) {
    tensors.setKnown(first, known);
    return;
  }
  const rule = ruleOf(node, isStandard);
  if (rule === undefined) refuse(`the operator ${node.op}${isStandard ? '' : ` of ${node.domain}`}`);
  const made = rule({
    builder,
    node,
    operatorSet,
    value: index => tensors.value(node.inputs[index] ?? '', node.op),
    known: index => tensors.known(node.inputs[index] ?? ''),
  });
  const results = Array.isArray(made) ? (made as readonly Value[]) : [made as Value];
  node.outputs.forEach((name, index) => {
    const result = results[index];
    if (name !== '' && result !== undefined) tensors.setValue(name, result);
  });
}

function importGraph(model: DecodedModel, { input, outputs }: ImportOptions): Graph {
  const operatorSet = model.operatorSets.get('') ?? 0;
  if (operatorSet < OLDEST_OPERATOR_SET) refuse(`operator set ${operatorSet}`);
  const builder = new GraphBuilder();
  const tensors = new Tensors(builder);
  tensors.setValue(input.name, builder.input(input.name, input.shape));
  for (const initializer of model.initializers) {
    const content = tensorContent(initializer);
    if (content !== undefined) tensors.setKnown(initializer.name, content);
  }
  for (const node of neededNodes(model, outputs)) addNode(node, { builder, tensors, operatorSet });
  const wanted = outputs.map(
    name =>
      [
        name,
        tensors.shape(name) === undefined ? refuse(`a result called ${name}`) : tensors.value(name, 'the output'),
      ] as const,
  );
  return { outputs: Object.fromEntries(wanted) };
}

/**
 * Reads a model as a graph.
 * @param model model with all weights inside
 * @returns the graph with these outputs, or the reason why there is none
 */
export function importModel(model: DecodedModel, options: ImportOptions): Graph | { readonly unsupported: string } {
  try {
    return importGraph(model, options);
  } catch (error) {
    if (error instanceof Unsupported || error instanceof ShapeError) return { unsupported: error.message };
    throw error;
  }
}
