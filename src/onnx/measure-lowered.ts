/**
 * Computes the peak of ONNX Runtime's arena while a lowered model runs: the tensors that are alive at the worst moment.
 * Follows the sequential executor: nodes in the order in which a depth-first walk from the outputs leaves them, a
 * tensor freed after its last reader, elementwise results written over an operand that is not read afterwards,
 * movements that only rename sharing their operand's memory.
 * Source: onnxruntime/core/graph/graph.cc (ReverseDFSFrom) and core/framework/allocation_planner.cc.
 */
import { elementCount } from '../core/shape.ts';
import type { DataType } from '../core/tensor.ts';
import type { TensorType } from '../graph/infer.ts';
import type { LoweredModel, OnnxNode } from './model.ts';

const ELEMENT_BYTES: Readonly<Record<DataType, number>> = {
  float32: 4,
  uint8: 1,
  int8: 1,
  int32: 4,
  int64: 8,
  bool: 1,
};

/** Size of a tensor in bytes. */
export function tensorBytes({ shape, dataType }: TensorType): number {
  return elementCount(shape) * ELEMENT_BYTES[dataType];
}

/** Operators whose result is their first operand under another shape or name. */
const ALIASES = new Set(['Reshape', 'Identity']);

/** Operators that may write over an operand of their result's size, with the operands in question. */
const IN_PLACE: Readonly<Record<string, readonly number[]>> = {
  Add: [0, 1],
  Sub: [0, 1],
  Mul: [0, 1],
  Div: [0, 1],
  Relu: [0],
  LeakyRelu: [0],
  PRelu: [0],
  Clip: [0],
  Exp: [0],
  Log: [0],
  Sqrt: [0],
  Neg: [0],
  Abs: [0],
  Sigmoid: [0],
  Tanh: [0],
  Cast: [0],
  /** Index of the operand of a blocked convolution that is added to the result. */
  Conv: [3],
};

/** Nodes in the order in which the runtime runs them. */
function executionOrder({ nodes }: LoweredModel): readonly OnnxNode[] {
  const makers = new Map<string, number>();
  const read = new Set<string>();
  nodes.forEach(({ inputs, outputs }, index) => {
    for (const name of outputs) makers.set(name, index);
    for (const name of inputs) read.add(name);
  });
  const stack = nodes.flatMap((node, index) =>
    node.outputs.some(name => read.has(name)) ? [] : [{ index, left: false }],
  );
  const seen = new Set<number>();
  const order: OnnxNode[] = [];
  for (let entry = stack.pop(); entry !== undefined; entry = stack.pop()) {
    const { index, left } = entry;
    const node = nodes[index] as OnnxNode;
    if (left) order.push(node);
    if (left || seen.has(index)) continue;
    seen.add(index);
    stack.push({ index, left: true });
    const sources: number[] = [];
    for (const name of node.inputs) {
      const source = makers.get(name);
      if (source !== undefined && !seen.has(source)) sources.push(source);
    }
    for (const source of sources.sort((a, b) => a - b)) stack.push({ index: source, left: false });
  }
  return order;
}

/** Memory of one tensor or of several that share it. */
interface Storage {
  readonly bytes: number;
  /** Step after which it is not read any more. */
  lastStep: number;
}

/** The operand whose memory a node's result reuses, if any. */
function takenOver(
  { op, inputs }: OnnxNode,
  step: number,
  { bytes, storages }: { readonly bytes: number; readonly storages: ReadonlyMap<string, Storage> },
): Storage | undefined {
  const operands = inputs.map(name => storages.get(name));
  if (ALIASES.has(op)) return operands[0];
  const places = IN_PLACE[op] ?? [];
  return places.map(place => operands[place]).find(storage => storage?.lastStep === step && storage.bytes === bytes);
}

/**
 * Bytes of the tensors that are alive at the worst moment of a run; the model's inputs and initializers are not among
 * them.
 */
export function peakTensorBytes(model: LoweredModel): number {
  const order = executionOrder(model);
  const lastRead = new Map<string, number>();
  order.forEach(({ inputs }, step) => {
    for (const name of inputs) lastRead.set(name, step);
  });
  for (const { name } of model.outputs) lastRead.set(name, order.length);
  const outside = new Set([...model.inputs, ...model.initializers].map(({ name }) => name));
  const storages = new Map<string, Storage>();
  const alive = new Set<Storage>();
  let [live, peak] = [0, 0];
  order.forEach((node, step) => {
    for (const name of node.outputs) {
      const bytes = tensorBytes(model.types.get(name) as TensorType);
      const renamed = ALIASES.has(node.op) && outside.has(node.inputs[0] as string);
      if (renamed) outside.add(name);
      if (renamed) continue;
      const storage = takenOver(node, step, { bytes, storages }) ?? { bytes, lastStep: step };
      storage.lastStep = Math.max(storage.lastStep, lastRead.get(name) ?? step);
      storages.set(name, storage);
      if (!alive.has(storage)) live += storage.bytes;
      alive.add(storage);
    }
    peak = Math.max(peak, live);
    for (const name of [...node.inputs, ...node.outputs]) {
      const storage = storages.get(name);
      if (storage === undefined || storage.lastStep > step || !alive.delete(storage)) continue;
      live -= storage.bytes;
    }
  });
  return peak;
}
