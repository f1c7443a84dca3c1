/**
 * The blocked layout of an image [N, C, D, H, W], made for ONNX Runtime's channel-blocked 2D kernels. Depth is
 * outermost, and `pack` consecutive planes share the channel lanes, so that few channels still fill a block:
 * declared shape [D/pack * N, lanes, H, W], lane = slot * C + channel, lanes padded with zeros to a multiple of the
 * block;
 *   memory         [D/pack * N, lanes/block, H, W, block].
 * Invariant: padded lanes are zero. `planar` is the same without blocking and padding: [D/pack * N, pack * C, H, W]
 * row-major.
 */
import { invariant } from '../../core/errors.ts';
import type { Emitted, Emitter, NodeOptions } from '../emitter.ts';
import { BLOCKED_DOMAIN } from '../model.ts';

export interface Layout {
  readonly batch: number;
  readonly channels: number;
  readonly depth: number;
  readonly height: number;
  readonly width: number;
  /** Planes that share the lanes; divides the depth. */
  readonly pack: number;
  /** Number of groups, depth / pack. */
  readonly groups: number;
  /** Number of used lanes, pack * channels. */
  readonly used: number;
  /** Number of lanes: `used`, rounded up to a multiple of the block. */
  readonly lanes: number;
  readonly block: number;
}

/** Layout of an image shape [N, C, D, H, W]. */
export function layoutOf(shape: readonly number[], pack: number, block: number): Layout {
  const [batch, channels, depth, height, width] = shape as readonly [number, number, number, number, number];
  const used = pack * channels;
  const lanes = roundUp(used, block);
  return { batch, channels, depth, height, width, pack, groups: depth / pack, used, lanes, block };
}

/** The next multiple of `step` at or above `count`. */
export function roundUp(count: number, step: number): number {
  return Math.ceil(count / step) * step;
}

/** Declared shape of the blocked tensor. */
export function blockedShape({ groups, batch, lanes, height, width }: Layout): readonly number[] {
  return [groups * batch, lanes, height, width];
}

/** Row-major [B, C, H, W] with C a multiple of four into blocks. */
function reorderInput(emit: Emitter, input: Emitted, block: number): Emitted {
  if (!emit.hasBlocks) return input;
  const shape = input.shape.with(1, roundUp(input.shape[1] as number, block));
  return emit.node('ReorderInput', [input], shape, { domain: BLOCKED_DOMAIN, attributes: { channels_last: 0 } });
}

/** Blocks back into row-major [B, channels, H, W]. */
export function reorderOutput(emit: Emitter, input: Emitted, channels: number): Emitted {
  if (!emit.hasBlocks) return input;
  return emit.node('ReorderOutput', [input], input.shape.with(1, channels), {
    domain: BLOCKED_DOMAIN,
    attributes: { channels, channels_last: 0 },
  });
}

/** Row-major image to planar. */
export function planarFromPlain(emit: Emitter, input: Emitted, layout: Layout): Emitted {
  const { batch, channels, groups, pack, used, height, width } = layout;
  const split = emit.reshape(input, [batch, channels, groups, pack, height * width]);
  return emit.reshape(emit.transpose(split, [2, 0, 3, 1, 4]), [groups * batch, used, height, width]);
}

/** Row-major image to blocked. */
export function blockedFromPlain(emit: Emitter, input: Emitted, layout: Layout): Emitted {
  const planar = planarFromPlain(emit, input, layout);
  return reorderInput(emit, emit.padTo(planar, 1, layout.lanes), layout.block);
}

/** Blocked image to row-major. */
export function plainFromBlocked(emit: Emitter, input: Emitted, layout: Layout): Emitted {
  const { batch, channels, depth, groups, pack, used, height, width } = layout;
  const planar = emit.reshape(reorderOutput(emit, input, used), [groups, batch, pack, channels, height * width]);
  return emit.reshape(emit.transpose(planar, [1, 3, 0, 2, 4]), [batch, channels, depth, height, width]);
}

/**
 * A blocked image with another number of planes on the lanes. Nothing moves where the planes fill whole blocks and
 * there is one sample.
 */
export function repack(emit: Emitter, input: Emitted, from: Layout, to: Layout): Emitted {
  if (from.pack === to.pack) return input;
  const { batch, channels, depth, height, width, block } = from;
  const coarse = Math.max(from.pack, to.pack);
  const outer = depth / coarse;
  const [before, after] = [coarse / from.pack, coarse / to.pack];
  if (channels % block === 0) {
    const plane = channels * height * width;
    const fine = Math.min(from.pack, to.pack) * plane;
    const view = emit.reshape(input, [outer, before, batch, after, fine]);
    return emit.reshape(emit.transpose(view, [0, 3, 2, 1, 4]), blockedShape(to));
  }
  const planar = reorderOutput(emit, input, from.used);
  const view = emit.reshape(planar, [outer, before, batch, after, Math.min(from.used, to.used) * height * width]);
  const moved = emit.reshape(emit.transpose(view, [0, 3, 2, 1, 4]), [to.groups * batch, to.used, height, width]);
  return reorderInput(emit, emit.padTo(moved, 1, to.lanes), block);
}

/** Attributes of a blocked 2D convolution beside its operands. */
export interface BlockedConvOptions {
  readonly kernel: readonly [number, number];
  readonly pads?: readonly [number, number, number, number];
  readonly strides?: readonly [number, number];
  readonly dilations?: readonly [number, number];
  readonly group?: number;
  readonly bias?: Emitted | undefined;
  /** Tensor that is added to the result in the same pass. */
  readonly sum?: Emitted | undefined;
  readonly activation?:
    | { readonly name: 'Relu' | 'LeakyRelu' | 'Clip'; readonly parameters: readonly number[] }
    | undefined;
}

/** A node of the blocked kernels, or the standard operator of that name where a block is one channel. */
export function planeNode(
  emit: Emitter,
  op: 'MaxPool' | 'AveragePool' | 'GlobalAveragePool',
  input: Emitted,
  { shape, attributes = {} }: { readonly shape: readonly number[]; readonly attributes?: NodeOptions['attributes'] },
): Emitted {
  return emit.node(op, [input], shape, { attributes, ...(emit.hasBlocks && { domain: BLOCKED_DOMAIN }) });
}

/** Extras of a blocked convolution that are fused into its pass. */
export type Fused = Pick<BlockedConvOptions, 'bias' | 'sum' | 'activation'>;

/** Attributes of a 2D convolution and the shape of its result. */
function convNode(input: Emitted, { shape: [out] }: Emitted, options: BlockedConvOptions) {
  const { kernel, pads = [0, 0, 0, 0], strides = [1, 1], dilations = [1, 1], group = 1 } = options;
  const [batch, , height, width] = input.shape as readonly [number, number, number, number];
  const size = (length: number, axis: 0 | 1): number => {
    const padded = length + pads[axis] + pads[(axis + 2) as 2 | 3];
    return Math.floor((padded - dilations[axis] * (kernel[axis] - 1) - 1) / strides[axis]) + 1;
  };
  const shape = [batch, out as number, size(height, 0), size(width, 1)];
  return { attributes: { kernel_shape: kernel, pads, strides, dilations, group }, shape };
}

/** The same by standard operators, where a block is one channel. */
function planeConv(emit: Emitter, input: Emitted, kernel: Emitted, options: BlockedConvOptions): Emitted {
  const { bias, sum, activation, group = 1 } = options;
  const [channels] = kernel.shape as readonly [number];
  const perChannel = (vector: Emitted): Emitted => emit.reshape(vector, [1, channels, 1, 1]);
  const isScale = group === channels && String(options.kernel) === '1,1' && input.shape[1] === channels;
  const { attributes, shape } = convNode(input, kernel, options);
  const operands = bias === undefined ? [input, kernel] : [input, kernel, bias];
  let image = isScale
    ? emit.binary('Mul', input, perChannel(kernel))
    : emit.node('Conv', operands, shape, { attributes });
  if (isScale && bias !== undefined) image = emit.binary('Add', image, perChannel(bias));
  if (sum !== undefined) image = emit.binary('Add', image, sum);
  if (activation === undefined) return image;
  const { name, parameters } = activation;
  const [alpha = 0] = parameters;
  invariant(name !== 'Clip', 'only gradients have masks');
  return emit.unary(name, image, name === 'LeakyRelu' ? { alpha: { float: alpha } } : {});
}

/**
 * ONNX Runtime's blocked 2D convolution; kernels are blocked too, or [Co/block, Ci, kH kW, block] for an unblocked
 * input.
 */
export function blockedConv(emit: Emitter, input: Emitted, kernel: Emitted, options: BlockedConvOptions): Emitted {
  if (!emit.hasBlocks) return planeConv(emit, input, kernel, options);
  const { bias, sum, activation } = options;
  const { attributes, shape } = convNode(input, kernel, options);
  const operands =
    sum !== undefined ? [input, kernel, bias, sum] : bias !== undefined ? [input, kernel, bias] : [input, kernel];
  return emit.node('Conv', operands, shape, {
    domain: BLOCKED_DOMAIN,
    attributes: {
      ...attributes,
      ...(activation === undefined
        ? {}
        : { activation: activation.name, activation_params: { floats: activation.parameters } }),
    },
  });
}

/** A blocked image with another one added and an activation, in one pass; as it is where there is neither. */
export function addedAndActivated(
  emit: Emitter,
  image: Emitted,
  { sum, activation }: Pick<Fused, 'sum' | 'activation'>,
): Emitted {
  if (sum === undefined && activation === undefined) return image;
  if (!emit.hasBlocks && sum !== undefined) {
    const added = emit.binary('Add', image, sum);
    return addedAndActivated(emit, added, { activation });
  }
  const lanes = image.shape[1] as number;
  const ones = emit.float(new Array<number>(lanes).fill(1), [lanes, 1, 1, 1]);
  return blockedConv(emit, image, ones, { kernel: [1, 1], group: lanes, sum, activation });
}
