/**
 * The graph: values with their producing node, and the builder that creates them. A value has one producer, so value
 * and node are the same object. Shapes are static and inferred at construction; equal nodes are created once. Every
 * value carries a tag such as `student/encoder0.conv1`, which follows it into the profile of the runtime.
 */
import { invariant } from '../core/errors.ts';
import { elementCount, type Shape, sameShape } from '../core/shape.ts';
import { type DataType, type Tensor, tensor } from '../core/tensor.ts';
import { infer } from './infer.ts';
import type { OpAttributes, OpName } from './ops.ts';

/** A node of the graph and the tensor it produces. */
export interface Value<K extends OpName = OpName> {
  /** Number that increases within one builder, so ascending ids are a topological order. */
  readonly id: number;
  readonly op: K;
  readonly inputs: readonly Value[];
  readonly attributes: OpAttributes[K];
  readonly shape: Shape;
  readonly dataType: DataType;
  readonly tag: string;
}

/** A complete graph: its named results, from which all other values are reached. */
export interface Graph {
  readonly outputs: Readonly<Record<string, Value>>;
}

/** A value, or a number that stands for a constant scalar. */
export type Operand = Value | number;

/** Whether a value is of the given operator; narrows its attributes. */
export function isOp<K extends OpName>(value: Value, op: K): value is Value<K> {
  return value.op === op;
}

/** All values that the outputs depend on, in topological order. */
export function reachable(outputs: Iterable<Value>): Value[] {
  const seen = new Set<Value>();
  const stack = [...outputs];
  for (let value = stack.pop(); value !== undefined; value = stack.pop()) {
    if (seen.has(value)) continue;
    seen.add(value);
    stack.push(...value.inputs);
  }
  return [...seen].sort((left, right) => left.id - right.id);
}

/** Constants up to this many elements are compared by content, so that equal ones are stored once. */
const COMPARED_ELEMENTS = 4096;

/** Creates values. Its methods are short names for {@link GraphBuilder.apply}. */
export class GraphBuilder {
  #nextId = 0;
  #tag = '';
  readonly #known = new Map<string, Value>();

  /** Runs `build` and tags every value that it creates `parent/tag`. */
  scope<T>(tag: string, build: () => T): T {
    const outer = this.#tag;
    this.#tag = outer === '' ? tag : `${outer}/${tag}`;
    try {
      return build();
    } finally {
      this.#tag = outer;
    }
  }

  /** Runs `build` under exactly this tag, whatever the current one. */
  retag<T>(tag: string, build: () => T): T {
    const outer = this.#tag;
    this.#tag = tag;
    try {
      return build();
    } finally {
      this.#tag = outer;
    }
  }

  input(name: string, shape: Shape, dataType: DataType = 'float32'): Value {
    return this.#make(`Input:${name}`, 'Input', [], { name }, shape, dataType);
  }

  /**
   * A constant tensor.
   * @param name name of a parameter, which then stays apart from others with the same numbers
   */
  constant(content: Tensor, name?: string): Value {
    const { data, dataType, shape } = content;
    const text =
      data.length <= COMPARED_ELEMENTS ? Array.from(data as ArrayLike<unknown>).join() : `unique${this.#nextId}`;
    const key = `Constant:${name === undefined ? '' : `${name}=`}${dataType}[${shape}]${text}`;
    return this.#make(key, 'Constant', [], { data, ...(name !== undefined && { name }) }, shape, dataType);
  }

  /** A float32 constant from numbers; a scalar if no shape is given. */
  float(values: number | readonly number[], shape: Shape = []): Value {
    return this.constant(tensor('float32', Float32Array.from(typeof values === 'number' ? [values] : values), shape));
  }

  /** Applies an operator. @throws {ShapeError} if the inputs do not fit it */
  apply<K extends OpName>(op: K, inputs: readonly Operand[], attributes: OpAttributes[K]): Value<K> {
    const values = inputs.map(operand => (typeof operand === 'number' ? this.float(operand) : operand));
    const { shape, dataType } = infer(op, values, attributes);
    const key = `${op}(${values.map(value => value.id).join()})${JSON.stringify(attributes)}`;
    return this.#make(key, op, values, attributes, shape, dataType) as Value<K>;
  }

  /** The same node with other inputs. */
  copy(value: Value, inputs: readonly Value[]): Value {
    if (isOp(value, 'Input')) return this.input(value.attributes.name, value.shape, value.dataType);
    if (isOp(value, 'Constant')) {
      const { data, name } = value.attributes;
      return this.constant({ dataType: value.dataType, shape: value.shape, data }, name);
    }
    return this.apply(value.op, inputs, value.attributes);
  }

  #make(
    key: string,
    op: OpName,
    inputs: readonly Value[],
    attributes: OpAttributes[OpName],
    shape: Shape,
    dataType: DataType,
  ): Value {
    const known = this.#known.get(key);
    if (known !== undefined) {
      if (!sameShape(known.shape, shape))
        invariant(false, `${key} was made before with shape [${known.shape}], now [${shape}]`);
      return known;
    }
    const value: Value = { id: this.#nextId++, op, inputs, attributes, shape, dataType, tag: this.#tag };
    this.#known.set(key, value);
    return value;
  }

  add = (left: Operand, right: Operand): Value => this.apply('Add', [left, right], {});
  sub = (left: Operand, right: Operand): Value => this.apply('Sub', [left, right], {});
  mul = (left: Operand, right: Operand): Value => this.apply('Mul', [left, right], {});
  div = (left: Operand, right: Operand): Value => this.apply('Div', [left, right], {});
  max = (left: Operand, right: Operand): Value => this.apply('Max', [left, right], {});
  min = (left: Operand, right: Operand): Value => this.apply('Min', [left, right], {});
  neg = (input: Value): Value => this.apply('Neg', [input], {});
  abs = (input: Value): Value => this.apply('Abs', [input], {});
  sqrt = (input: Value): Value => this.apply('Sqrt', [input], {});
  exp = (input: Value): Value => this.apply('Exp', [input], {});
  log = (input: Value): Value => this.apply('Log', [input], {});
  sigmoid = (input: Value): Value => this.apply('Sigmoid', [input], {});
  equal = (left: Value, right: Value): Value => this.apply('Equal', [left, right], {});
  greater = (left: Operand, right: Operand): Value => this.apply('Greater', [left, right], {});
  where = (condition: Value, yes: Operand, no: Operand): Value => this.apply('Where', [condition, yes, no], {});
  cast = (input: Value, to: DataType): Value => this.apply('Cast', [input], { to });
  detach = (input: Value): Value => this.apply('Detach', [input], {});
  sum = (input: Value, axes: readonly number[]): Value => this.apply('ReduceSum', [input], { axes });
  mean = (input: Value, axes: readonly number[]): Value => this.apply('ReduceMean', [input], { axes });
  concat = (inputs: readonly Value[], axis: number): Value =>
    inputs.length === 1 ? (inputs[0] as Value) : this.apply('Concat', inputs, { axis });
  transpose = (input: Value, perm: readonly number[]): Value => this.apply('Transpose', [input], { perm });
  pad = (input: Value, pads: readonly number[]): Value => this.apply('Pad', [input], { pads });

  reshape(input: Value, shape: Shape): Value {
    return sameShape(input.shape, shape) ? input : this.apply('Reshape', [input], { shape });
  }

  expand(input: Value, shape: Shape): Value {
    return sameShape(input.shape, shape) ? input : this.apply('Expand', [input], { shape });
  }

  slice(input: Value, axis: number, start: number, end: number): Value {
    return start === 0 && end === input.shape[axis] ? input : this.apply('Slice', [input], { axis, start, end });
  }

  /** Sum of all elements, as a scalar. */
  total(input: Value): Value {
    return this.reshape(this.sum(this.reshape(input, [elementCount(input.shape)]), [0]), []);
  }
}
