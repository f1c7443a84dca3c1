/**
 * Same-size depthwise 3D convolution (every channel has a kernel of its own), its gradients to the input and to the
 * kernel. Where planes fill whole blocks it is one blocked depthwise 2D convolution per depth tap, each added to the
 * one before in its own pass. Where several planes share a block the kernel is spread over the diagonal of a full one,
 * which costs no more there than a block that is not full.
 */
import type { Axis } from '../../core/axes.ts';
import { elementCount, range } from '../../core/shape.ts';
import type { ConvAttributes } from '../../graph/ops.ts';
import type { Emitted, Emitter } from '../emitter.ts';
import { isSameConv, sameConv, sameConvKernelGradient } from './conv.ts';
import { blockedConv, blockedShape, type Layout } from './layout.ts';
import { fewestPlanes, neighbouringRows, type PlaneRows, planeRows, stackRows } from './plane-rows.ts';
import type { BlockedImage } from './strided-conv.ts';

/**
 * Whether a convolution has this form.
 * @param channels channels of the image and of the result
 */
export function isDepthwiseConv(attributes: ConvAttributes, channels: readonly [number, number]): boolean {
  const { group } = attributes;
  return group > 1 && channels.every(count => count === group) && isSameConv({ ...attributes, group: 1 });
}

/** Whether every plane of a blocked image fills blocks of its own. */
function hasOwnBlocks(layout: Layout): boolean {
  return fewestPlanes(layout, false) === 1;
}

/** The identity [C, C, 1]. */
function identity(emit: Emitter, channels: number): Emitted {
  const values = range(channels * channels).map(index => (index % (channels + 1) === 0 ? 1 : 0));
  return emit.float(values, [channels, channels, 1]);
}

/** The planes at a distance in depth from every plane; zeros beyond the ends. */
function shifted(emit: Emitter, rows: PlaneRows, offset: number): Emitted {
  return stackRows(emit, rows.tensor, neighbouringRows(rows, rows.order, { offsets: [offset], ratio: 1 }));
}

/** Distances in depth of the taps. */
function depthOffsets({ kernel, dilations, pads }: ConvAttributes): readonly number[] {
  return range(kernel[0]).map(tap => tap * dilations[0] - pads[0]);
}

/** A kernel [C, 1, kD, kH, kW] as one blocked kernel per depth tap; with `adjoint` its taps are reversed. */
function planeKernels(
  emit: Emitter,
  kernel: Emitted,
  { attributes, adjoint, lanes, block }: ConvForm & { readonly lanes: number; readonly block: number },
): readonly Emitted[] {
  const [depth, height, width] = attributes.kernel;
  const [channels, taps] = [kernel.shape[0] as number, height * width];
  const flat = emit.padTo(emit.reshape(kernel, [channels, depth * taps]), 0, lanes);
  const ordered = adjoint ? emit.gather(flat, range(depth * taps).reverse(), [depth * taps], 1) : flat;
  const view = emit.transpose(emit.reshape(ordered, [lanes / block, block, depth, taps]), [2, 0, 3, 1]);
  return emit
    .split(
      view,
      0,
      range(depth).map(() => 1),
    )
    .map(plane => emit.reshape(plane, [lanes, 1, height, width]));
}

/** A convolution, or with `adjoint` its gradient to the input. */
interface ConvForm {
  readonly attributes: ConvAttributes;
  readonly adjoint: boolean;
}

/** The convolution of a blocked image, or its gradient to the input; the result is packed as the image. */
export function depthwiseConv(
  emit: Emitter,
  { tensor, layout }: BlockedImage,
  kernel: Emitted,
  { attributes, adjoint }: ConvForm,
): Emitted {
  const { channels, block } = layout;
  if (!hasOwnBlocks(layout)) {
    const taps = elementCount(attributes.kernel);
    const spread = emit.binary('Mul', emit.reshape(kernel, [channels, 1, taps]), identity(emit, channels));
    const full = emit.reshape(spread, [channels, channels, ...attributes.kernel]);
    return sameConv(emit, { tensor, layout, planar: false }, full, {
      attributes: { ...attributes, group: 1 },
      adjoint,
    });
  }
  const rows = planeRows(emit, tensor, layout, { planes: 1, planar: false });
  const { lanes } = rows.layout;
  const [, padH, padW] = attributes.pads;
  const kernels = planeKernels(emit, kernel, { attributes, adjoint, lanes, block });
  const result = depthOffsets(attributes).reduce<Emitted | undefined>(
    (sum, offset, tap) =>
      blockedConv(emit, shifted(emit, rows, offset), kernels[tap] as Emitted, {
        kernel: [attributes.kernel[1], attributes.kernel[2]],
        pads: [padH, padW, padH, padW],
        dilations: [attributes.dilations[1], attributes.dilations[2]],
        group: lanes,
        sum,
      }),
    undefined,
  ) as Emitted;
  return emit.reshape(result, blockedShape(layout));
}

/**
 * Gradient to the kernel [C, 1, kD, kH, kW]: every plane of dy is the kernel that meets the plane of x beside it, and
 * the few result pixels are the taps.
 */
export function depthwiseConvKernelGradient(
  emit: Emitter,
  x: BlockedImage,
  dy: BlockedImage,
  attributes: ConvAttributes,
): Emitted {
  const { kernel, dilations, pads } = attributes;
  const { channels, height, width, block } = x.layout;
  const taps = kernel[1] * kernel[2];
  if (!hasOwnBlocks(x.layout)) {
    const [left, right] = [x, dy].map(side => ({ ...side, planar: false })) as [
      BlockedImage & { planar: boolean },
      BlockedImage & { planar: boolean },
    ];
    const full = sameConvKernelGradient(emit, left, right, { ...attributes, group: 1 });
    const flat = emit.reshape(full, [channels, channels, kernel[0] * taps]);
    const own = emit.reduce('ReduceSum', emit.binary('Mul', flat, identity(emit, channels)), [1]);
    return emit.reshape(own, [channels, 1, ...kernel]);
  }
  const rows = planeRows(emit, x.tensor, x.layout, { planes: 1, planar: false });
  const { lanes } = rows.layout;
  const count = rows.order.length;
  const padOf = (axis: Axis): number => pads[axis];
  const planes = depthOffsets(attributes).map(offset => {
    const image = emit.reshape(shifted(emit, rows, offset), [1, count * lanes, height, width]);
    const sums = blockedConv(emit, image, emit.reshape(dy.tensor, [count * lanes, 1, height, width]), {
      kernel: [height, width],
      pads: [padOf(1), padOf(2), padOf(1), padOf(2)],
      strides: [dilations[1], dilations[2]],
      group: count * lanes,
    });
    const total = emit.reduce('ReduceSum', emit.reshape(sums, [count, lanes / block, taps, block]), [0]);
    return emit.reshape(emit.transpose(total, [0, 1, 3, 2]), [lanes, 1, taps]);
  });
  const all = emit.slice(emit.concat(planes, 1), 0, 0, channels);
  return emit.reshape(all, [channels, 1, ...kernel]);
}
