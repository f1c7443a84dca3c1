/**
 * Convolutions of volumes as those of planes, without a change of layout: [N, C, D, H, W] is seen as
 * [N, C, D, H W], planes of D rows. A tap along the height lies W columns away, so it is a tap of a kernel that is
 * dilated by W; taps along the width become channels (taps.ts). Where the height is strided, its taps become channels
 * too. ONNX Runtime's WebGPU has no matrix-shaped kernel for volumes.
 */
import { type Axis, mapAxes } from '../../core/axes.ts';
import { elementCount, range, type Triple } from '../../core/shape.ts';
import { BLOCK_ORDER, NO_PADS, PLAIN_CONVOLUTION, padsFrom, reachOf } from '../../graph/convolution.ts';
import { convolvedSize, spatial } from '../../graph/infer.ts';
import type { ConvAttributes, OpAttributes } from '../../graph/ops.ts';
import type { Emitted, Emitter } from '../emitter.ts';
import { adjointKernel, fillsBlocks, upsample, windowSum } from '../plain.ts';
import { besideEachOther, convolutionWindow, viewsAlong } from './taps.ts';

/** Largest copy of an image that is made for its taps, bytes; buffers of graphics cards have an upper limit. */
const MOST_BYTES = 2 ** 29;

const [HEIGHT, WIDTH] = [3, 4] as const;

/** What a convolution does along one spatial axis. */
export function alongAxis({ kernel, strides, dilations, pads }: ConvAttributes, axis: Axis) {
  return {
    steps: { taps: kernel[axis], dilation: dilations[axis], stride: strides[axis] },
    pads: { before: pads[axis], after: pads[(axis + 3) as 3 | 4 | 5] },
  };
}

/**
 * Convolves an image.
 * @param input [N, Ci, D, H, W]
 * @param kernel [Co, Ci / group, kD, kH, kW]
 * @param mostBytes largest copy that is made of the image
 */
export function convolveFolded(
  emit: Emitter,
  [input, kernel]: readonly [Emitted, Emitted],
  attributes: ConvAttributes,
  mostBytes = MOST_BYTES,
): Emitted {
  const { group, strides, dilations, pads, upsample: scales } = attributes;
  const [depth, height, width] = convolvedSize(spatial(input.shape), attributes);
  const [batch, out] = [input.shape[0] as number, kernel.shape[0] as number];
  const image = upsample(emit, input, scales);
  const [across, down] = [alongAxis(attributes, 2), alongAxis(attributes, 1)];
  const columns = viewsAlong(emit, image, WIDTH, convolutionWindow(across.steps, across.pads, width));
  const isFlat = strides[1] === 1;
  const views = isFlat
    ? columns
    : range(down.steps.taps).flatMap(row =>
        columns.map(column => {
          const window = convolutionWindow(down.steps, down.pads, height);
          return viewsAlong(emit, column, HEIGHT, window)[row] as Emitted;
        }),
      );
  const weights = viewKernel(emit, kernel, isFlat);
  const [first] = views as readonly [Emitted];
  const settings = {
    kernel_shape: weights.shape.slice(3),
    strides: [strides[0], 1],
    dilations: [dilations[0], isFlat ? dilations[1] * width : 1],
    pads: isFlat ? [pads[0], pads[1] * width, pads[3], pads[4] * width] : [pads[0], 0, pads[3], 0],
    group,
  };
  const shape = [batch, out, depth, height * width];
  const viewBytes = elementCount(first.shape) * Float32Array.BYTES_PER_ELEMENT;
  const atOnce = Math.max(1, Math.min(views.length, Math.floor(mostBytes / viewBytes)));
  let sum: Emitted | undefined;
  for (let start = 0; start < views.length; start += atOnce) {
    const part = views.slice(start, start + atOnce);
    const beside = besideEachOther(emit, part, { axis: 1, group });
    const planes = emit.reshape(beside, [batch, beside.shape[1] as number, first.shape[2] as number, planeOf(first)]);
    const own = emit.slice(weights, 1, start, start + part.length);
    const flat = emit.reshape(own, [out, part.length * (weights.shape[2] as number), ...weights.shape.slice(3)]);
    const made = emit.node('Conv', [planes, flat], shape, { attributes: settings });
    sum = sum === undefined ? made : emit.binary('Add', sum, made);
  }
  return emit.reshape(sum as Emitted, [batch, out, depth, height, width]);
}

function planeOf({ shape }: Emitted): number {
  return (shape[HEIGHT] as number) * (shape[WIDTH] as number);
}

/**
 * The kernel by views of the image, [Co, views, Ci / group, kD, kH], views along the width; where the taps along the
 * height are views too, which vary more slowly, [Co, views, Ci / group, kD, 1].
 */
function viewKernel(emit: Emitter, kernel: Emitted, isFlat: boolean): Emitted {
  const [out, channels, depth, height, width] = kernel.shape as readonly [number, number, number, number, number];
  if (isFlat) return emit.transpose(kernel, [0, 4, 1, 2, 3]);
  return emit.reshape(emit.transpose(kernel, [0, 3, 4, 1, 2]), [out, height * width, channels, depth, 1]);
}

/** Zeros between the voxels of an image, and after the last one, so that a stride becomes a step of one voxel. */
function spread(emit: Emitter, image: Emitted, strides: Triple): Emitted {
  if (strides.every(stride => stride === 1)) return image;
  const [batch, channels, ...size] = image.shape as readonly [number, number, ...number[]];
  const [sd, sh, sw] = strides;
  const [depth, height, width] = size as unknown as Triple;
  const apart = emit.reshape(image, [batch * channels, depth, 1, height, 1, width, 1]);
  const padded = emit.pad(apart, [0, 0, 0, 0, 0, 0, 0, 0, 0, sd - 1, 0, sh - 1, 0, sw - 1]);
  return emit.reshape(padded, [batch, channels, depth * sd, height * sh, width * sw]);
}

/**
 * A transposed convolution whose kernel is its stride: a product with all voxels of a block, which then take their
 * places.
 */
function blocksOfVoxels(emit: Emitter, image: Emitted, kernel: Emitted): Emitted {
  const [into, out, kd, kh, kw] = kernel.shape as readonly [number, number, number, number, number];
  const [batch, , depth, height, width] = image.shape as readonly [number, number, number, number, number];
  const rows = emit.transpose(emit.reshape(kernel, [into, out * kd * kh * kw]), [1, 0]);
  const point = emit.reshape(rows, [out * kd * kh * kw, into, 1, 1, 1]);
  const made = convolveFolded(emit, [image, point], { ...PLAIN_CONVOLUTION, kernel: [1, 1, 1], pads: NO_PADS });
  const apart = emit.reshape(made, [batch, out, kd, kh, kw, depth, height, width]);
  return emit.reshape(emit.transpose(apart, BLOCK_ORDER), [batch, out, depth * kd, height * kh, width * kw]);
}

/**
 * The adjoint of a convolution: dy with zeros in place of the voxels that a stride left out, convolved with the kernel
 * turned round.
 */
export function transposeFolded(
  emit: Emitter,
  [dy, kernel]: readonly [Emitted, Emitted],
  attributes: OpAttributes['ConvTranspose'],
): Emitted {
  if (fillsBlocks(attributes, spatial(dy.shape))) return blocksOfVoxels(emit, dy, kernel);
  const { kernel: taps, strides, dilations, pads, group, upsample: scales, size } = attributes;
  const reach = mapAxes(axis => reachOf(taps, dilations)[axis] - 1);
  let image = spread(emit, dy, strides);
  const wide = mapAxes(axis => size[axis] * scales[axis]);
  const before = mapAxes(axis => reach[axis] - pads[axis]);
  const after = mapAxes(axis => wide[axis] + reach[axis] - (image.shape[axis + 2] as number) - before[axis]);
  // a convolution takes no fewer than no zeros
  for (const axis of [0, 1, 2] as const) {
    const end = (image.shape[axis + 2] as number) + Math.min(0, after[axis]);
    image = emit.slice(image, axis + 2, Math.max(0, -before[axis]), end);
  }
  const adjoint = convolveFolded(emit, [image, adjointKernel(emit, kernel, group)], {
    kernel: taps,
    strides: [1, 1, 1],
    dilations,
    pads: padsFrom(
      axis => Math.max(0, before[axis]),
      axis => Math.max(0, after[axis]),
    ),
    group,
    upsample: [1, 1, 1],
  });
  return windowSum(emit, adjoint, scales);
}
