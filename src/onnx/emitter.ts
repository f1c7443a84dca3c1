/**
 * Emits ONNX nodes one at a time, keeping the shape of every tensor. Equal nodes and equal constants are emitted once;
 * a movement that moves nothing is omitted. Knows ONNX's operators, not the graph's.
 */
import { invariant } from '../core/errors.ts';
import { broadcastShapes, elementCount, type Shape, sameShape } from '../core/shape.ts';
import { type DataType, type Tensor, tensor } from '../core/tensor.ts';
import type { TensorType } from '../graph/infer.ts';
import type { LoweredModel, OnnxAttribute, OnnxInitializer, OnnxNode, OnnxValueInfo } from './model.ts';

/** A tensor of the model under construction. */
export interface Emitted {
  readonly name: string;
  readonly shape: Shape;
  readonly dataType: DataType;
}

/** Options of a node besides its operands and the shape of its result. */
export interface NodeOptions {
  readonly attributes?: Readonly<Record<string, OnnxAttribute>>;
  readonly domain?: string;
  /** Element type of the result; that of the first operand if left out. */
  readonly dataType?: DataType;
}

/** Constants up to this many elements are compared by content. */
const COMPARED_ELEMENTS = 4096;

/**
 * Key that equal constants share; large tables of indices are compared by a 64-bit hash, large real numbers not at all.
 */
function contentKey(data: Tensor['data']): string | undefined {
  if (data.length <= COMPARED_ELEMENTS) return data.join();
  if (!(data instanceof Int32Array)) return undefined;
  let [low, high] = [0x811c9dc5, 0x9747b28c];
  for (let index = 0; index < data.length; index++) {
    low = Math.imul(low ^ data[index]!, 0x01000193);
    high = Math.imul(high ^ (data[index]! + index), 0x85ebca6b);
    high ^= high >>> 15;
  }
  return `#${low >>> 0}:${high >>> 0}`;
}

export class Emitter {
  /** Prefix of node names; the runtime's profile adds up by it. */
  #tag = '';
  readonly #nodes: OnnxNode[] = [];
  readonly #initializers: OnnxInitializer[] = [];
  readonly #known = new Map<string, readonly Emitted[]>();
  readonly #constants = new Map<string, Emitted>();
  readonly #types = new Map<string, TensorType>();
  readonly #prefix: string;

  /** Whether the runtime has channel-blocked kernels; a block is one channel where it has not. */
  readonly hasBlocks: boolean;

  /** @param given names of inputs and outputs, which no tensor in between may have */
  constructor(given: readonly string[], { hasBlocks = true }: { readonly hasBlocks?: boolean } = {}) {
    this.hasBlocks = hasBlocks;
    let prefix = '';
    while (given.some(name => name.startsWith(prefix) && /^[ct]\d/.test(name.slice(prefix.length)))) prefix += '_';
    this.#prefix = prefix;
  }

  /**
   * Runs `build` with every node that it emits named after a value's tag; operands that are lowered within it have
   * their own.
   */
  tagged<T>({ tag }: { readonly tag: string }, build: () => T): T {
    const outer = this.#tag;
    this.#tag = tag;
    try {
      return build();
    } finally {
      this.#tag = outer;
    }
  }

  /** Emits a node with one result. An undefined operand is omitted. */
  node(op: string, operands: readonly (Emitted | undefined)[], shape: Shape, options: NodeOptions = {}): Emitted {
    return this.nodeWithResults(op, operands, [shape], options)[0] as Emitted;
  }

  /** Emits a node with several results. */
  nodeWithResults(
    op: string,
    operands: readonly (Emitted | undefined)[],
    shapes: readonly Shape[],
    options: NodeOptions = {},
  ): readonly Emitted[] {
    const { attributes = {}, domain } = options;
    const inputs = operands.map(operand => operand?.name ?? '');
    const settings = options.attributes === undefined ? '' : JSON.stringify(attributes);
    const key = `${domain}|${op}|${inputs.join()}|${settings}`;
    const known = this.#known.get(key);
    if (known !== undefined) return known;
    const index = this.#nodes.length;
    const dataType = options.dataType ?? operands[0]?.dataType ?? 'float32';
    const results = shapes.map((shape, slot) => ({ name: `${this.#prefix}t${index}.${slot}`, shape, dataType }));
    for (const result of results) this.#types.set(result.name, result);
    this.#nodes.push({
      name: `${this.#tag}|${op}|${index}`,
      op,
      inputs,
      outputs: results.map(result => result.name),
      attributes,
      ...(domain === undefined ? {} : { domain }),
    });
    this.#known.set(key, results);
    return results;
  }

  /** @param name name of a parameter, which is an initializer of its own under this name */
  constant(content: Tensor, name?: string): Emitted {
    const { data, dataType, shape } = content;
    const numbers = contentKey(data) ?? `unique${this.#initializers.length}`;
    const key = name === undefined ? `${dataType}[${shape}]${numbers}` : `parameter ${name}`;
    return this.#constants.get(key) ?? this.#add(key, content, name);
  }

  #add(key: string, content: Tensor, name?: string): Emitted {
    const { dataType, shape } = content;
    const emitted = { name: name ?? `${this.#prefix}c${this.#initializers.length}`, shape, dataType };
    this.#initializers.push({ ...content, name: emitted.name });
    this.#constants.set(key, emitted);
    return emitted;
  }

  /** A constant of zeros; one per shape, whatever its size. */
  zeros(shape: Shape): Emitted {
    const key = `zeros[${shape}]`;
    const emitted =
      this.#constants.get(key) ?? this.constant(tensor('float32', new Float32Array(elementCount(shape)), shape));
    this.#constants.set(key, emitted);
    return emitted;
  }

  float(values: number | readonly number[], shape: Shape = []): Emitted {
    return this.constant(tensor('float32', Float32Array.from(typeof values === 'number' ? [values] : values), shape));
  }

  integers(values: readonly number[], shape: Shape = [values.length]): Emitted {
    // almost every node asks for a few, which are mostly known
    const key = `int64[${shape}]${values.join()}`;
    const data = () => BigInt64Array.from(values, value => BigInt(value));
    return this.#constants.get(key) ?? this.#add(key, tensor('int64', data(), shape));
  }

  binary(op: string, left: Emitted, right: Emitted, dataType?: DataType): Emitted {
    const shape = broadcastShapes(left.shape, right.shape);
    if (shape === undefined) invariant(false, `${op} of [${left.shape}] and [${right.shape}] (${this.#tag})`);
    return this.node(op, [left, right], shape, dataType === undefined ? {} : { dataType });
  }

  unary(op: string, input: Emitted, attributes: Readonly<Record<string, OnnxAttribute>> = {}): Emitted {
    return this.node(op, [input], input.shape, { attributes });
  }

  reshape(input: Emitted, shape: Shape): Emitted {
    // the message is put together only where it is needed: this runs for every other node
    if (elementCount(input.shape) !== elementCount(shape))
      invariant(false, `reshape of [${input.shape}] to [${shape}] (${this.#tag})`);
    if (sameShape(input.shape, shape)) return input;
    // 0 keeps the batch as it comes, so that an exported model takes any
    const target = input.shape[0] === shape[0] && shape.length > 0 ? shape.with(0, 0) : shape;
    return this.node('Reshape', [input, this.integers(target)], shape);
  }

  transpose(input: Emitted, perm: readonly number[]): Emitted {
    const shape = perm.map(axis => input.shape[axis] as number);
    // where no axis longer than one changes its order, the numbers do not move
    const order = perm.filter(axis => input.shape[axis] !== 1);
    if (order.every((axis, index) => index === 0 || axis > (order[index - 1] as number)))
      return this.reshape(input, shape);
    return this.node('Transpose', [input], shape, { attributes: { perm } });
  }

  concat(inputs: readonly Emitted[], axis: number): Emitted {
    const first = inputs[0] as Emitted;
    if (inputs.length === 1) return first;
    const total = inputs.reduce((sum, input) => sum + (input.shape[axis] as number), 0);
    return this.node('Concat', inputs, first.shape.with(axis, total), { attributes: { axis } });
  }

  slice(input: Emitted, axis: number, start: number, end: number, step = 1): Emitted {
    if (start === 0 && end === input.shape[axis] && step === 1) return input;
    const shape = input.shape.with(axis, Math.ceil((end - start) / step));
    const [starts, ends, axes, steps] = [[start], [end], [axis], [step]].map(values => this.integers(values));
    return this.node('Slice', [input, starts, ends, axes, steps], shape);
  }

  split(input: Emitted, axis: number, sizes: readonly number[]): readonly Emitted[] {
    if (sizes.length === 1) return [input];
    const shapes = sizes.map(size => input.shape.with(axis, size));
    return this.nodeWithResults('Split', [input, this.integers(sizes)], shapes, { attributes: { axis } });
  }

  /** Zeros before each axis, then after each axis. */
  pad(input: Emitted, pads: readonly number[]): Emitted {
    if (pads.every(count => count === 0)) return input;
    const rank = input.shape.length;
    const shape = input.shape.map((size, axis) => size + (pads[axis] as number) + (pads[axis + rank] as number));
    return this.node('Pad', [input, this.integers(pads)], shape);
  }

  /** Zeros after one axis, up to a size. */
  padTo(input: Emitted, axis: number, size: number): Emitted {
    const pads = new Array<number>(2 * input.shape.length).fill(0);
    pads[input.shape.length + axis] = size - (input.shape[axis] as number);
    return this.pad(input, pads);
  }

  /** Picks slices along an axis; `indices` in the shape given. */
  gather(input: Emitted, indices: Int32Array | readonly number[], shape: Shape, axis: number): Emitted {
    const result = [...input.shape.slice(0, axis), ...shape, ...input.shape.slice(axis + 1)];
    const places = this.constant(tensor('int32', Int32Array.from(indices), shape));
    return this.node('Gather', [input, places], result, { attributes: { axis } });
  }

  expand(input: Emitted, shape: Shape): Emitted {
    return sameShape(input.shape, shape) ? input : this.node('Expand', [input, this.integers(shape)], shape);
  }

  matmul(left: Emitted, right: Emitted): Emitted {
    const batch = broadcastShapes(left.shape.slice(0, -2), right.shape.slice(0, -2));
    invariant(
      batch !== undefined && left.shape.at(-1) === right.shape.at(-2),
      `matmul [${left.shape}] [${right.shape}]`,
    );
    return this.node('MatMul', [left, right], [...batch, left.shape.at(-2) as number, right.shape.at(-1) as number]);
  }

  /** Sum, mean or maximum over axes, which stay with size 1. */
  reduce(op: 'ReduceSum' | 'ReduceMean' | 'ReduceMax', input: Emitted, axes: readonly number[]): Emitted {
    const shape = input.shape.map((size, axis) => (axes.includes(axis) ? 1 : size));
    if (sameShape(shape, input.shape)) return input;
    // in operator set 17 only ReduceSum takes its axes as an operand
    if (op === 'ReduceSum') return this.node(op, [input, this.integers(axes)], shape, { attributes: { keepdims: 1 } });
    return this.node(op, [input], shape, { attributes: { axes, keepdims: 1 } });
  }

  /** The model whose results are `outputs` by name; nodes that they do not need are dropped. */
  finish(
    inputs: readonly OnnxValueInfo[],
    outputs: Readonly<Record<string, Emitted>>,
    metadata: Readonly<Record<string, string>> = {},
  ): LoweredModel {
    const needed = new Set(Object.values(outputs).map(output => output.name));
    const kept: OnnxNode[] = [];
    for (const node of this.#nodes.toReversed()) {
      if (!node.outputs.some(name => needed.has(name))) continue;
      kept.push(node);
      for (const name of node.inputs) needed.add(name);
    }
    const named = Object.entries(outputs).map(([name, value]): OnnxNode => {
      return { name: `output|${name}`, op: 'Identity', inputs: [value.name], outputs: [name], attributes: {} };
    });
    const types = new Map(this.#types);
    for (const [name, value] of Object.entries(outputs)) types.set(name, value);
    return {
      nodes: [...kept.toReversed(), ...named],
      initializers: this.#initializers.filter(content => needed.has(content.name)),
      inputs: inputs.filter(input => needed.has(input.name)),
      outputs: Object.entries(outputs).map(([name, { dataType, shape }]) => ({ name, dataType, shape })),
      metadata,
      types,
    };
  }
}
