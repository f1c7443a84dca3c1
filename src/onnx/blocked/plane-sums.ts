/**
 * Weighted sums of neighbouring planes, one per pair of planes, in one pass over memory: depth is the outermost axis of
 * a layout with one plane on the lanes, so a depthwise convolution whose height is the depth adds whole planes.
 */
import { range } from '../../core/shape.ts';
import type { Emitted, Emitter } from '../emitter.ts';
import { blockedConv, blockedShape, type Layout, layoutOf } from './layout.ts';

/** Layout of an image with one plane for each pair of planes of another. */
export function pairedLayout({ batch, channels, depth, height, width, block }: Layout): Layout {
  return layoutOf([batch, channels, depth / 2, height, width], 1, block);
}

/**
 * For pair k, the sum over i of factors[i] times plane 2 k - 1 + i: blocked [D/2 * N, lanes, H, W]. Planes beyond the
 * ends are zero.
 * @param layout of the image: one plane on the lanes, even depth
 * @param factors of the plane before the pair, of the pair's own, and of the one after it
 */
export function pairSums(
  emit: Emitter,
  tensor: Emitted,
  layout: Layout,
  factors: readonly [number, number, number, number],
): Emitted {
  const { batch, depth, lanes, height, width, block } = layout;
  const used = range(factors.length).filter(place => factors[place] !== 0);
  const [first, last] = [used[0] as number, used.at(-1) as number];
  const columns = (batch * lanes * height * width) / block;
  const shape = blockedShape(pairedLayout(layout));
  if (first === last && (first === 1 || first === 2) && factors[first] === 1) {
    const pairs = emit.reshape(tensor, [depth / 2, 2, columns * block]);
    return emit.reshape(emit.gather(pairs, [first - 1], [1], 1), shape);
  }
  const step = used.every(place => (place - first) % 2 === 0) ? 2 : 1;
  const taps = range((last - first) / step + 1).map(index => factors[first + index * step] as number);
  const weights = emit.float(
    taps.flatMap(factor => new Array<number>(block).fill(factor)),
    [block, 1, taps.length, 1],
  );
  const sums = blockedConv(emit, emit.reshape(tensor, [1, block, depth, columns]), weights, {
    kernel: [taps.length, 1],
    pads: [first === 0 ? 1 : 0, 0, last === 3 ? 1 : 0, 0],
    strides: [2, 1],
    dilations: [step, 1],
    group: block,
  });
  return emit.reshape(sums, shape);
}

/** The inverse of taking every second plane: an image from those of its even and of its odd planes. */
export function interleave(emit: Emitter, even: Emitted, odd: Emitted, { batch }: Layout): Emitted {
  const [rows, ...rest] = even.shape as readonly [number, number, number, number];
  const [lanes, height, width] = rest;
  const view = (tensor: Emitted): Emitted => emit.reshape(tensor, [rows / batch, batch * lanes * height * width]);
  return emit.reshape(emit.concat([view(even), view(odd)], 1), [2 * rows, ...rest]);
}

/** Every plane less the one before it, and every next plane less the plane: blocked images as large as the operand. */
export function differences(emit: Emitter, tensor: Emitted, layout: Layout): readonly [Emitted, Emitted] {
  const { batch, depth, lanes, height, width, block } = layout;
  const image = emit.reshape(tensor, [1, block, depth, (batch * lanes * height * width) / block]);
  const weights = emit.float(
    [-1, 1].flatMap(factor => new Array<number>(block).fill(factor)),
    [block, 1, 2, 1],
  );
  const difference = (before: 0 | 1): Emitted =>
    emit.reshape(
      blockedConv(emit, image, weights, { kernel: [2, 1], pads: [before, 0, 1 - before, 0], group: block }),
      tensor.shape,
    );
  return [difference(1), difference(0)];
}
