/** How much of a lowered model's arithmetic is in products of matrices, as graphics cards are built for. */
import { elementCount, type Shape } from '../core/shape.ts';
import type { LoweredModel, OnnxNode } from './model.ts';

/** Multiply-adds of a model's convolutions and products. */
export interface MatrixShare {
  readonly multiplyAdds: number;
  /** Those in kernels that multiply tiles of matrices: MatMul, and convolutions of planes without groups. */
  readonly inMatrices: number;
}

/** Rank of a batch of planes, [N, C, H, W]. */
const PLANES = 4;

/** Multiply-adds of a node, from the shapes of its operands and of its result. */
function workOf({ op }: OnnxNode, [left, right]: readonly [Shape, Shape], result: Shape): number {
  if (op === 'MatMul') return elementCount(result) * (left.at(-1) as number);
  if (op === 'Conv') return elementCount(result) * elementCount(right.slice(1));
  return op === 'ConvTranspose' ? elementCount(left) * elementCount(right.slice(1)) : 0;
}

/** Counts the multiply-adds of a lowered model. Elementwise products are not among them. */
export function matrixShare(model: LoweredModel): MatrixShare {
  const shapes = new Map<string, Shape>([...model.types].map(([name, { shape }]) => [name, shape]));
  for (const { name, shape } of model.initializers) shapes.set(name, shape);
  for (const { name, shape } of model.inputs) shapes.set(name, shape as Shape);
  let [multiplyAdds, inMatrices] = [0, 0];
  for (const node of model.nodes) {
    const [left, right] = node.inputs.map(name => shapes.get(name));
    const result = shapes.get(node.outputs[0] as string);
    if (left === undefined || right === undefined || result === undefined) continue;
    const work = workOf(node, [left, right], result);
    const isMatrix = node.op === 'MatMul' || (left.length === PLANES && (node.attributes['group'] ?? 1) === 1);
    multiplyAdds += work;
    if (isMatrix) inMatrices += work;
  }
  return { multiplyAdds, inMatrices };
}
