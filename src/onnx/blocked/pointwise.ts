/** One number per channel over blocked images: scale and shift, gradient of the leaky ReLU, spatial means. */
import { elementCount } from '../../core/shape.ts';
import type { Emitted, Emitter } from '../emitter.ts';
import { type BlockedConvOptions, blockedConv, blockedShape, type Layout, planeNode } from './layout.ts';

/** A row-major vector [N or 1, C, 1, 1, 1] as one number per lane: [samples * lanes], padded lanes zero. */
export function laneVector(emit: Emitter, vector: Emitted, layout: Layout, samples: number): Emitted {
  const { channels, pack, used, lanes } = layout;
  const own = vector.shape[0] as number;
  const spread = emit.expand(emit.reshape(vector, [own, 1, channels]), [samples, pack, channels]);
  return emit.reshape(emit.padTo(emit.reshape(spread, [samples, used]), 1, lanes), [samples * lanes]);
}

/** [G N, L, H, W] seen as [G, N L, H, W], so that every sample and channel is a lane of its own. */
function perSample(emit: Emitter, tensor: Emitted, { groups, batch, lanes, height, width }: Layout): Emitted {
  return emit.reshape(tensor, [groups, batch * lanes, height, width]);
}

function depthwise(
  emit: Emitter,
  tensor: Emitted,
  layout: Layout,
  options: { readonly factor: Emitted } & Pick<BlockedConvOptions, 'bias' | 'sum' | 'activation'>,
): Emitted {
  const { factor, sum, ...rest } = options;
  const channels = layout.batch * layout.lanes;
  const result = blockedConv(emit, perSample(emit, tensor, layout), emit.reshape(factor, [channels, 1, 1, 1]), {
    kernel: [1, 1],
    group: channels,
    sum: sum === undefined ? undefined : perSample(emit, sum, layout),
    ...rest,
  });
  return emit.reshape(result, blockedShape(layout));
}

/** x * scale + shift (+ sum), then an activation, in one pass; scale and shift are row-major [N or 1, C, 1, 1, 1]. */
export function scaleShift(
  emit: Emitter,
  tensor: Emitted,
  layout: Layout,
  options: { readonly scale: Emitted; readonly shift?: Emitted | undefined } & Pick<
    BlockedConvOptions,
    'sum' | 'activation'
  >,
): Emitted {
  const { scale, shift, ...rest } = options;
  return depthwise(emit, tensor, layout, {
    factor: laneVector(emit, scale, layout, layout.batch),
    bias: shift === undefined ? undefined : laneVector(emit, shift, layout, layout.batch),
    ...rest,
  });
}

/** Large enough to saturate a clip at any normal value, small enough not to overflow in the product. */
const STEEP = 2 ** 80;

/** clip(STEEP x + offset) to a range: a mask from the sign of x. */
export function steepMask(
  emit: Emitter,
  x: Emitted,
  layout: Layout,
  { offset, range }: { readonly offset: number; readonly range: readonly [number, number] },
): Emitted {
  const channels = layout.batch * layout.lanes;
  const all = (value: number): Emitted => emit.float(new Array<number>(channels).fill(value), [channels]);
  return depthwise(emit, x, layout, {
    factor: all(STEEP),
    bias: offset === 0 ? undefined : all(offset),
    activation: { name: 'Clip', parameters: range },
  });
}

/** dy where y > 0, alpha dy elsewhere. */
export function leakyReluGradient(
  emit: Emitter,
  y: Emitted,
  dy: Emitted,
  options: { readonly layout: Layout; readonly alpha: number },
): Emitted {
  const { layout, alpha } = options;
  return emit.binary('Mul', dy, steepMask(emit, y, layout, { offset: 0, range: [alpha, 1] }));
}

/**
 * Values per plane and lane, [groups, N * lanes, 1, 1] blocked, averaged over planes and slots: row-major [N, C, 1, 1,
 * 1].
 */
function meanOverPlanes(
  emit: Emitter,
  planes: Emitted,
  { groups, batch, lanes, used, pack, channels }: Layout,
): Emitted {
  const means = emit.reduce('ReduceMean', emit.reshape(planes, [groups, batch, lanes]), [0]);
  const perSlot = emit.reshape(emit.slice(means, 2, 0, used), [batch, pack, channels]);
  return emit.reshape(emit.reduce('ReduceMean', perSlot, [1]), [batch, channels, 1, 1, 1]);
}

/** Mean over depth, height and width: row-major [N, C, 1, 1, 1]. */
export function spatialMean(emit: Emitter, tensor: Emitted, layout: Layout): Emitted {
  const { groups, batch, lanes } = layout;
  const view = perSample(emit, tensor, layout);
  const planes = planeNode(emit, 'GlobalAveragePool', view, { shape: [groups, batch * lanes, 1, 1] });
  return meanOverPlanes(emit, planes, layout);
}

/**
 * Mean of the square over depth, height and width, row-major [N, C, 1, 1, 1], without storing the square: a depthwise
 * convolution of every plane with itself as the kernel.
 */
export function spatialMeanOfSquare(emit: Emitter, tensor: Emitted, layout: Layout): Emitted {
  if (!emit.hasBlocks) return spatialMean(emit, emit.binary('Mul', tensor, tensor), layout);
  const { groups, batch, lanes, height, width } = layout;
  const channels = groups * batch * lanes;
  const image = emit.reshape(tensor, [1, channels, height, width]);
  const kernel = emit.reshape(tensor, [channels, 1, height, width]);
  const sums = blockedConv(emit, image, kernel, { kernel: [height, width], group: channels });
  return emit.binary('Mul', meanOverPlanes(emit, sums, layout), emit.float(1 / (height * width)));
}

/** Number of voxels of one sample. */
export function voxelsPerSample({ depth, height, width }: Layout): number {
  return elementCount([depth, height, width]);
}
