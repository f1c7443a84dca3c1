/**
 * The gradient of a convolution to its kernel as one product of matrices per plane: columns of the image times the
 * gradient of the result, summed over the planes. A product over all voxels at once would be long and narrow, with too
 * few results for the many processors of a graphics card.
 */
import type { Axis } from '../../core/axes.ts';
import { elementCount } from '../../core/shape.ts';
import type { ConvAttributes } from '../../graph/ops.ts';
import type { Emitted, Emitter } from '../emitter.ts';
import { upsample } from '../plain.ts';
import { alongAxis } from './conv.ts';
import { besideEachOther, convolutionWindow, viewsAlong, type Window } from './taps.ts';

/** Largest copy of the image that is made for its taps, bytes. */
const MOST_BYTES = 2 ** 29;

/** An axis of planes [planes, C, H, W], or [N, C, D, H, W], whose taps are copies of dy rather than of the image. */
function turnedWindow({ steps, pads }: ReturnType<typeof alongAxis>, length: number, given: number): Window {
  const { taps, dilation } = steps;
  const reach = dilation * (taps - 1);
  const before = reach - pads.before;
  return {
    before,
    after: length + reach - given - before,
    starts: Array.from({ length: taps }, (_, tap) => (taps - 1 - tap) * dilation),
    stride: 1,
    length,
  };
}

/** [N, C, D, H, W] as its planes, [N D, C, H, W]. */
function planesOf(emit: Emitter, image: Emitted): Emitted {
  const [batch, channels, depth, height, width] = image.shape as readonly [number, number, number, number, number];
  return emit.reshape(emit.transpose(image, [0, 2, 1, 3, 4]), [batch * depth, channels, height, width]);
}

/** Which axes have their taps on dy: those without a stride that make the smaller copies there. */
function onResult(
  { kernel, strides, group }: ConvAttributes,
  channels: number,
  out: number,
): readonly [boolean, boolean] {
  const depth = strides[0] === 1;
  const [left, right] = [channels * kernel[2], out * kernel[0]];
  return [depth, strides[1] === 1 && group === 1 && right < left];
}

/**
 * The gradient to the kernel, [Co, Ci / group, kD, kH, kW].
 * @param input [N, Ci, D, H, W]
 * @param dy [N, Co, D', H', W']
 * @param mostBytes largest copy that is made of the image
 */
export function kernelGradientFolded(
  emit: Emitter,
  [input, dy]: readonly [Emitted, Emitted],
  attributes: ConvAttributes,
  mostBytes = MOST_BYTES,
): Emitted {
  const { kernel, group, upsample: scales } = attributes;
  const [out, channels] = [dy.shape[1] as number, input.shape[1] as number];
  const [depthOnDy, heightOnDy] = onResult(attributes, channels, out);
  const along = (axis: Axis) => alongAxis(attributes, axis);
  const ownWindow = (axis: Axis): Window =>
    convolutionWindow(along(axis).steps, along(axis).pads, dy.shape[axis + 2] as number);
  let image = upsample(emit, input, scales);
  let result = dy;
  const sides = { axis: 1, group };
  // the axis that varies slowest along the channels comes last
  if (depthOnDy) {
    const window = turnedWindow(along(0), image.shape[2] as number, dy.shape[2] as number);
    result = besideEachOther(emit, viewsAlong(emit, result, 2, window), sides);
  } else {
    image = besideEachOther(emit, viewsAlong(emit, image, 2, ownWindow(0)), sides);
  }
  let [columns, turned] = [planesOf(emit, image), planesOf(emit, result)];
  const planes = columns.shape[0] as number;
  const height = heightOnDy ? (columns.shape[2] as number) : (dy.shape[3] as number);
  if (heightOnDy) {
    const window = turnedWindow(along(1), height, dy.shape[3] as number);
    turned = besideEachOther(emit, viewsAlong(emit, turned, 2, window), sides);
  }
  const pixels = height * (dy.shape[4] as number);
  const factor = kernel[2] * (heightOnDy ? 1 : kernel[1]);
  const bytes = elementCount(columns.shape) * factor * Float32Array.BYTES_PER_ELEMENT;
  const atOnce = Math.max(1, Math.floor(planes / Math.ceil(bytes / mostBytes)));
  let sum: Emitted | undefined;
  for (let start = 0; start < planes; start += atOnce) {
    const end = Math.min(planes, start + atOnce);
    let left = emit.slice(columns, 0, start, end);
    left = besideEachOther(emit, viewsAlong(emit, left, 3, ownWindow(2)), sides);
    if (!heightOnDy) left = besideEachOther(emit, viewsAlong(emit, left, 2, ownWindow(1)), sides);
    const right = emit.slice(turned, 0, start, end);
    const rows = emit.reshape(left, [end - start, group, (left.shape[1] as number) / group, pixels]);
    const other = emit.reshape(right, [end - start, group, (right.shape[1] as number) / group, pixels]);
    const product = emit.matmul(rows, emit.transpose(other, [0, 1, 3, 2]));
    const part = emit.reduce('ReduceSum', product, [0]);
    sum = sum === undefined ? part : emit.binary('Add', sum, part);
  }
  columns = sum as Emitted;
  return ordered(emit, columns, attributes, { channels, out, depthOnDy, heightOnDy });
}

/** Sums [1, group, taps of the image with its channels, taps of dy with its channels] as a kernel. */
function ordered(
  emit: Emitter,
  sums: Emitted,
  { kernel, group }: ConvAttributes,
  options: {
    readonly channels: number;
    readonly out: number;
    readonly depthOnDy: boolean;
    readonly heightOnDy: boolean;
  },
): Emitted {
  const { channels, out, depthOnDy, heightOnDy } = options;
  const [depth, height, width] = kernel;
  const left = [heightOnDy ? 1 : height, width, depthOnDy ? 1 : depth, channels / group];
  const right = [heightOnDy ? height : 1, depthOnDy ? depth : 1, out / group];
  const apart = emit.reshape(sums, [group, ...left, ...right]);
  // [G, kH, kW, kD, Ci, kH', kD', Co] to [G, Co, Ci, kD, kD', kH, kH', kW], of which one of each pair is 1
  const turned = emit.transpose(apart, [0, 7, 4, 3, 6, 1, 5, 2]);
  return emit.reshape(turned, [out, channels / group, depth, height, width]);
}
