/**
/**
 * Pooling and nearest upsampling by one or two along each axis, over blocked images: in the plane by the blocked
 * kernels, in depth by pairs.
 */
import type { Triple } from '../../core/shape.ts';
import type { OpAttributes } from '../../graph/ops.ts';
import type { Emitted, Emitter } from '../emitter.ts';
import { BLOCKED_DOMAIN, ONNX_TYPES } from '../model.ts';
import { blockedShape, type Layout, planeNode, repack } from './layout.ts';
import { steepMask } from './pointwise.ts';

/**
 * Splits [G N, L, H, W] into the even and the odd planes of every pair, over the coarse layout's groups. A pair's
 * planes lie in two groups (one plane each), in two runs of whole blocks, or in two runs of channels inside a block.
 */
function pairs(emit: Emitter, tensor: Emitted, fine: Layout): readonly Emitted[] {
  const [rows, lanes, height, width] = tensor.shape as readonly [number, number, number, number];
  if (fine.pack === 1) {
    const flat = emit.reshape(tensor, [rows / fine.batch / 2, 2, fine.batch * lanes * height * width]);
    return emit.split(flat, 1, [1, 1]);
  }
  if (lanes > fine.block) {
    const flat = emit.reshape(tensor, [(rows * fine.pack) / 2, 2, fine.channels * height * width]);
    return emit.split(flat, 1, [1, 1]);
  }
  const inner = emit.slice(emit.reshape(tensor, [rows * height * width, lanes]), 1, 0, fine.used);
  const split = emit.reshape(inner, [inner.shape[0] as number, fine.pack / 2, 2, fine.channels]);
  return emit.split(split, 2, [1, 1]);
}

/** Shape of either half of {@link pairs} over planes of the coarse layout's height and width. */
function halfShape(fine: Layout, { height, width }: Layout): readonly number[] {
  const { groups, batch, pack, lanes, channels } = fine;
  const pixels = height * width;
  if (pack === 1) return [groups / 2, 1, batch * lanes * pixels];
  if (lanes > fine.block) return [(groups * batch * pack) / 2, 1, channels * pixels];
  return [groups * batch * pixels, pack / 2, 1, channels];
}

/** Whether the planes of a pair share blocks, so that lanes are padded anew when they part. */
function sharesBlocks({ pack, lanes, block }: Layout): boolean {
  return pack > 1 && lanes <= block;
}

/** The inverse of {@link pairs}. */
function unpairs(emit: Emitter, parts: readonly Emitted[], fine: Layout, shape: readonly number[]): Emitted {
  if (!sharesBlocks(fine)) return emit.reshape(emit.concat(parts, 1), shape);
  const joined = emit.concat(parts, 2);
  return emit.reshape(emit.padTo(emit.reshape(joined, [joined.shape[0] as number, fine.used]), 1, fine.lanes), shape);
}

/** A pair's half as the coarse image, lanes padded. */
function asCoarse(emit: Emitter, half: Emitted, fine: Layout, coarse: Layout): Emitted {
  if (!sharesBlocks(fine)) return emit.reshape(half, blockedShape(coarse));
  const runs = emit.reshape(half, [half.shape[0] as number, coarse.used]);
  return emit.reshape(emit.padTo(runs, 1, coarse.lanes), blockedShape(coarse));
}

/** The coarse image in the shape of a pair's half. */
function asHalf(emit: Emitter, tensor: Emitted, fine: Layout, coarse: Layout, shape: readonly number[]): Emitted {
  if (!sharesBlocks(fine)) return emit.reshape(tensor, shape);
  const runs = emit.reshape(tensor, [shape[0] as number, coarse.lanes]);
  return emit.reshape(emit.slice(runs, 1, 0, coarse.used), shape);
}

/** Window of a pooling over height and width. */
type Window = readonly [number, number];

/** The largest number of every window of a plane. */
function planeMaxima(emit: Emitter, tensor: Emitted, window: Window): Emitted {
  return inPlane(emit, 'MaxPool', tensor, window);
}

function inPlane(emit: Emitter, op: 'MaxPool' | 'AveragePool', tensor: Emitted, window: Window): Emitted {
  if (isWhole(window)) return tensor;
  const [rows, lanes, height, width] = tensor.shape as readonly [number, number, number, number];
  const shape = [rows, lanes, height / window[0], width / window[1]];
  return planeNode(emit, op, tensor, { shape, attributes: { kernel_shape: window, strides: window } });
}

/** Whether every voxel of a plane is a window of its own. */
function isWhole([height, width]: Window): boolean {
  return height * width === 1;
}

/** Nearest upsampling within planes, to a shape. */
function upsamplePlanes(emit: Emitter, tensor: Emitted, shape: readonly number[]): Emitted {
  const scales = shape.map((size, axis) => size / (tensor.shape[axis] as number));
  if (emit.hasBlocks) {
    return emit.node('Upsample', [tensor], shape, { domain: BLOCKED_DOMAIN, attributes: { scales, mode: 'nearest' } });
  }
  return emit.node('Resize', [tensor, undefined, emit.float(scales, [scales.length])], shape, {
    attributes: { mode: 'nearest', coordinate_transformation_mode: 'asymmetric', nearest_mode: 'floor' },
  });
}

/** Every window's number at each of its voxels. */
function overWindows(emit: Emitter, tensor: Emitted, [height, width]: Window): Emitted {
  if (isWhole([height, width])) return tensor;
  const [rows, lanes, h, w] = tensor.shape as readonly [number, number, number, number];
  return upsamplePlanes(emit, tensor, [rows, lanes, h * height, w * width]);
}

/** Layouts of a pooling's operand and of its result. */
interface Layouts {
  readonly fine: Layout;
  readonly coarse: Layout;
}

/** The layout of a fine image after a pooling within its planes. */
function pooledInPlane({ fine, coarse }: Layouts): Layout {
  return { ...fine, height: coarse.height, width: coarse.width };
}

/** Whether a pooling has a blocked form: pairs or single voxels along each axis. */
export function isBlockedPool({ kernel }: OpAttributes['MaxPool']): boolean {
  return kernel.every(size => size <= 2);
}

/** Max-pooling by a window of one or two voxels along each axis. */
export function maxPool(
  emit: Emitter,
  tensor: Emitted,
  { kernel, ...layouts }: Layouts & OpAttributes['MaxPool'],
): Emitted {
  const [depth, ...window] = kernel as readonly [number, ...Window];
  const { fine, coarse } = layouts;
  const maxima = planeMaxima(emit, tensor, window);
  if (depth === 1) return repack(emit, maxima, pooledInPlane(layouts), coarse);
  const [even, odd] = pairs(emit, maxima, fine) as readonly [Emitted, Emitted];
  return asCoarse(emit, emit.binary('Max', even, odd), fine, coarse);
}

/**
 * 1 where x - max is 0, 0 where it is below: a steep line clipped, in one pass; a comparison and a cast take five times
 * as long.
 */
function equalityMask(emit: Emitter, below: Emitted, layout: Layout): Emitted {
  return steepMask(emit, below, layout, { offset: 1, range: [0, 1] });
}

/**
 * Gradient of max-pooling: dy shared out equally among the maxima of its window. Maxima are counted per plane first,
 * then added over the planes that hold the window's maximum.
 */
export function maxPoolGradient(
  emit: Emitter,
  x: Emitted,
  dy: Emitted,
  { kernel, ...layouts }: Layouts & OpAttributes['MaxPool'],
): Emitted {
  const [depth, ...window] = kernel as readonly [number, ...Window];
  const { fine, coarse } = layouts;
  const maxima = planeMaxima(emit, x, window);
  const mask = isWhole(window)
    ? undefined
    : equalityMask(emit, emit.binary('Sub', x, overWindows(emit, maxima, window)), fine);
  // the maxima of every window of a plane, as a share of its voxels
  const share = mask === undefined ? undefined : inPlane(emit, 'AveragePool', mask, window);
  const perPlane =
    depth === 1
      ? shareInPlane(emit, repack(emit, dy, coarse, pooledInPlane(layouts)), share, window)
      : shareOverPairs(emit, { dy, maxima, share }, { ...layouts, window });
  const spread = overWindows(emit, perPlane, window);
  return mask === undefined ? spread : emit.binary('Mul', spread, mask);
}

/** dy divided by the number of maxima. */
function shareInPlane(emit: Emitter, dy: Emitted, share: Emitted | undefined, [height, width]: Window): Emitted {
  if (share === undefined) return dy;
  const ofWindow = isWhole([height, width]) ? dy : emit.binary('Mul', dy, emit.float(1 / (height * width)));
  return emit.binary('Div', ofWindow, share);
}

/** dy divided by the number of maxima of both planes of a pair, at the planes that hold the larger maximum. */
function shareOverPairs(
  emit: Emitter,
  { dy, maxima, share }: { readonly dy: Emitted; readonly maxima: Emitted; readonly share: Emitted | undefined },
  { fine, coarse, window }: Layouts & { readonly window: Window },
): Emitted {
  const toFloat = (tensor: Emitted): Emitted =>
    emit.node('Cast', [tensor], tensor.shape, { attributes: { to: ONNX_TYPES.float32 }, dataType: 'float32' });
  const [even, odd] = pairs(emit, maxima, fine) as readonly [Emitted, Emitted];
  const holds = [
    toFloat(emit.binary('GreaterOrEqual', even, odd, 'bool')),
    toFloat(emit.binary('GreaterOrEqual', odd, even, 'bool')),
  ] as const;
  const counts = share === undefined ? undefined : (pairs(emit, share, fine) as readonly [Emitted, Emitted]);
  const counted = (side: 0 | 1): Emitted =>
    counts === undefined ? holds[side] : emit.binary('Mul', holds[side], counts[side]);
  const total = emit.binary('Add', counted(0), counted(1));
  const perPair = shareInPlane(emit, asHalf(emit, dy, fine, coarse, even.shape), total, window);
  return unpairs(
    emit,
    holds.map(held => emit.binary('Mul', held, perPair)),
    fine,
    maxima.shape,
  );
}

/** The mean over windows [1 or 2, kH, kW]. */
export function averagePool(
  emit: Emitter,
  tensor: Emitted,
  [depth, height, width]: Triple,
  { fine, coarse }: { readonly fine: Layout; readonly coarse: Layout },
): Emitted {
  const means = inPlane(emit, 'AveragePool', tensor, [height, width]);
  if (depth === 1) return means;
  const [even, odd] = pairs(emit, means, fine) as readonly [Emitted, Emitted];
  return asCoarse(emit, emit.binary('Mul', emit.binary('Add', even, odd), emit.float(0.5)), fine, coarse);
}

/** Nearest upsampling by [1 or 2, sH, sW]. */
export function resize(
  emit: Emitter,
  tensor: Emitted,
  [depth, ...scales]: Triple,
  { fine, coarse }: { readonly fine: Layout; readonly coarse: Layout },
): Emitted {
  const { lanes, height, width } = fine;
  let planes = tensor;
  if (depth === 2) {
    const shape = [fine.groups * fine.batch, lanes, coarse.height, coarse.width];
    const half = asHalf(emit, tensor, fine, coarse, halfShape(fine, coarse));
    planes = unpairs(emit, [half, half], fine, shape);
  }
  if (scales.every(scale => scale === 1)) return planes;
  return upsamplePlanes(emit, planes, [planes.shape[0] as number, lanes, height, width]);
}
