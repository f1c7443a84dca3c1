/**
 * Pooling and nearest upsampling over blocked images: in the plane by the blocked kernels, in depth by pairs.
 * Max-pooling and its gradient are by two in every axis.
 */
import type { Triple } from '../../core/shape.ts';
import type { Emitted, Emitter } from '../emitter.ts';
import { BLOCKED_DOMAIN, ONNX_TYPES } from '../model.ts';
import { blockedShape, type Layout } from './layout.ts';
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

function planeMaxima(emit: Emitter, tensor: Emitted): Emitted {
  const [rows, lanes, height, width] = tensor.shape as readonly [number, number, number, number];
  return emit.node('MaxPool', [tensor], [rows, lanes, height / 2, width / 2], {
    domain: BLOCKED_DOMAIN,
    attributes: { kernel_shape: [2, 2], strides: [2, 2] },
  });
}

/** Max-pooling [2, 2, 2]. */
export function maxPool(emit: Emitter, tensor: Emitted, fine: Layout, coarse: Layout): Emitted {
  const [even, odd] = pairs(emit, planeMaxima(emit, tensor), fine) as readonly [Emitted, Emitted];
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
 * Gradient of max-pooling: dy shared out equally among the maxima of its window of two planes. Maxima are counted per
 * plane first, then added over the planes that hold the window's maximum.
 */
export function maxPoolGradient(emit: Emitter, x: Emitted, dy: Emitted, fine: Layout, coarse: Layout): Emitted {
  const maxima = planeMaxima(emit, x);
  const upsample = (tensor: Emitted): Emitted =>
    emit.node('Upsample', [tensor], x.shape, {
      domain: BLOCKED_DOMAIN,
      attributes: { scales: [1, 1, 2, 2], mode: 'nearest' },
    });
  const toFloat = (tensor: Emitted): Emitted =>
    emit.node('Cast', [tensor], tensor.shape, { attributes: { to: ONNX_TYPES.float32 }, dataType: 'float32' });
  const mask = equalityMask(emit, emit.binary('Sub', x, upsample(maxima)), fine);
  const quarter = emit.node('AveragePool', [mask], maxima.shape, {
    domain: BLOCKED_DOMAIN,
    attributes: { kernel_shape: [2, 2], strides: [2, 2] },
  });
  const [even, odd] = pairs(emit, maxima, fine) as readonly [Emitted, Emitted];
  const counts = pairs(emit, quarter, fine) as readonly [Emitted, Emitted];
  const holds = [
    toFloat(emit.binary('GreaterOrEqual', even, odd, 'bool')),
    toFloat(emit.binary('GreaterOrEqual', odd, even, 'bool')),
  ] as const;
  const total = emit.binary('Add', emit.binary('Mul', holds[0], counts[0]), emit.binary('Mul', holds[1], counts[1]));
  const quarterDy = emit.binary('Mul', asHalf(emit, dy, fine, coarse, even.shape), emit.float(0.25));
  const share = emit.binary('Div', quarterDy, total);
  const perPlane = unpairs(
    emit,
    holds.map(held => emit.binary('Mul', held, share)),
    fine,
    maxima.shape,
  );
  return emit.binary('Mul', upsample(perPlane), mask);
}

/** The mean over windows [1 or 2, kH, kW]. */
export function averagePool(
  emit: Emitter,
  tensor: Emitted,
  [depth, ...taps]: Triple,
  { fine, coarse }: { readonly fine: Layout; readonly coarse: Layout },
): Emitted {
  const [rows, lanes, height, width] = tensor.shape as readonly [number, number, number, number];
  const means = taps.every(size => size === 1)
    ? tensor
    : emit.node('AveragePool', [tensor], [rows, lanes, height / (taps[0] as number), width / (taps[1] as number)], {
        domain: BLOCKED_DOMAIN,
        attributes: { kernel_shape: taps, strides: taps },
      });
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
  return emit.node('Upsample', [planes], [planes.shape[0] as number, lanes, height, width], {
    domain: BLOCKED_DOMAIN,
    attributes: { scales: [1, 1, ...scales], mode: 'nearest' },
  });
}
