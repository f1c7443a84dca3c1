/** Shapes are readonly lists of non-negative integers, outermost axis first. */

export type Shape = readonly number[];

/**
 * In the type alone: which order a triple has. A literal or a mapped triple has none, and takes that of the place where
 * it is put.
 */
declare const order: unique symbol;

/** A triple in the order of the tensor's spatial axes (depth, height, width); see core/axes.ts. */
export type Triple = readonly [number, number, number] & { readonly [order]?: 'depth, height, width' };

/** A triple along the axes x, y, z, the order in which people write and volumes are described; see core/axes.ts. */
export type Xyz = readonly [number, number, number] & { readonly [order]?: 'x, y, z' };

/** Number of elements of a shape; 1 for a scalar. */
export function elementCount(shape: Shape): number {
  return shape.reduce((product, size) => product * size, 1);
}

/** Whether two shapes are the same. */
export function sameShape(left: Shape, right: Shape): boolean {
  return left.length === right.length && left.every((size, axis) => size === right[axis]);
}

/** A shape as messages print it: `2x3x4`, or `scalar` for rank 0. */
export function formatShape(shape: Shape): string {
  return shape.length === 0 ? 'scalar' : shape.join('x');
}

/**
 * Result shape of NumPy-style broadcasting, or undefined if the shapes do not fit.
 * @see https://onnx.ai/onnx/repo-docs/Broadcasting.html
 */
export function broadcastShapes(left: Shape, right: Shape): Shape | undefined {
  const rank = Math.max(left.length, right.length);
  const result: number[] = [];
  for (let axis = 0; axis < rank; axis++) {
    const l = left[left.length - rank + axis] ?? 1;
    const r = right[right.length - rank + axis] ?? 1;
    if (l !== r && l !== 1 && r !== 1) return undefined;
    result.push(l === 1 ? r : l);
  }
  return result;
}

/** The integers 0 .. count-1. */
export function range(count: number): number[] {
  // a loop: graphs call this for tables of many thousand indices, where Array.from takes five times as long
  const integers = new Array<number>(count);
  for (let index = 0; index < count; index++) integers[index] = index;
  return integers;
}
