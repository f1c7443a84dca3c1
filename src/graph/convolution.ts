/** Geometry of convolutions and pooling: the reach of a kernel, and the zeros around an image; and their work. */
import { type Axis, mapAxes } from '../core/axes.ts';
import { elementCount, type Triple } from '../core/shape.ts';
import { isOp, type Value } from './graph.ts';
import type { ConvAttributes, Pads } from './ops.ts';

export const NO_PADS: Pads = [0, 0, 0, 0, 0, 0];

/** A convolution with a kernel of 3x3x3 whose result has the size of the image. */
export const PLAIN_CONVOLUTION: ConvAttributes = {
  kernel: [3, 3, 3],
  strides: [1, 1, 1],
  dilations: [1, 1, 1],
  pads: [1, 1, 1, 1, 1, 1],
  group: 1,
  upsample: [1, 1, 1],
};

/**
 * Order of the axes in which the voxels of blocks, [N, C, kD, kH, kW, D, H, W], lie side by side, as
 * [N, C, D, kD, H, kH, W, kW].
 */
export const BLOCK_ORDER: readonly number[] = [0, 1, 5, 2, 6, 3, 7, 4];

/** A window that moves over an image. */
export interface MovingWindow {
  /** Size of the image. */
  readonly size: Triple;
  /** Voxels from the first to the last tap of the window, both included. */
  readonly reach: Triple;
  readonly strides: Triple;
}

/** Voxels from the first to the last tap of a kernel: dilation (taps - 1) + 1. */
export function reachOf(taps: Triple, dilations: Triple): Triple {
  return mapAxes(axis => dilations[axis] * (taps[axis] - 1) + 1);
}

/** The pads whose value before and after an axis is computed from the axis. */
export function padsFrom(before: (axis: Axis) => number, after: (axis: Axis) => number): Pads {
  return [...mapAxes(before), ...mapAxes(after)];
}

/**
 * The pads with which a window has ceil(size / stride) places. Their number along an axis is
 * max(0, (ceil(size / stride) - 1) stride + reach - size), half of it on each side.
 * @param odd the side of the odd one: after in TensorFlow's SAME and ONNX's SAME_UPPER, before in ONNX's SAME_LOWER
 */
export function samePads({ size, reach, strides }: MovingWindow, odd: 'before' | 'after'): Pads {
  const total = mapAxes(axis =>
    Math.max(0, (Math.ceil(size[axis] / strides[axis]) - 1) * strides[axis] + reach[axis] - size[axis]),
  );
  const less = (axis: Axis): number => total[axis] >> 1;
  const more = (axis: Axis): number => total[axis] - less(axis);
  return odd === 'after' ? padsFrom(less, more) : padsFrom(more, less);
}

/**
 * Multiply-adds of a convolution or a transposed one: the values of the result (of the image, where that meets the
 * whole kernel) times taps times channels per group. 0 for other operators.
 */
export function convolutionMultiplyAdds(value: Value): number {
  if (!isOp(value, 'Conv') && !isOp(value, 'ConvTranspose')) return 0;
  const [image, kernel] = value.inputs as readonly [Value, Value];
  const moved = isOp(value, 'Conv') ? value : image;
  return elementCount(moved.shape) * elementCount(kernel.shape.slice(1));
}
