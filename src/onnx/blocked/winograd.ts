/**
 * Same-size convolution with three taps along the depth by Winograd's minimal filtering F(2, 3): two neighbouring
 * planes of the result take four 2D convolutions instead of six. For the planes d0 to d3 that they meet and the taps g0
 * to g2,
 *   m0 = g0 (d0 - d2),  m1 = (g0 + g1 + g2)/2 (d1 + d2),  m2 = (g0 - g1 + g2)/2 (d2 - d1),  m3 = g2 (d3 - d1),
 *   y0 = m0 + m1 + m2,  y1 = m1 - m2 + m3,
 * where a product is a convolution within planes over all channels. The gradient to the input is the same with reversed
 * taps; the gradient to the kernel is that of the products, with the sums of dy that the gradient to the input has
 * made.
 * Larger tiles save more but round three times as coarsely; see bench/README.md.
 * Source: arXiv:1509.09308.
 */
import { range } from '../../core/shape.ts';
import type { ConvAttributes } from '../../graph/ops.ts';
import type { Emitted, Emitter } from '../emitter.ts';
import { correlate } from './kernel-gradient.ts';
import { kernelFromTaps, productKernels, type TapPlacement } from './kernels.ts';
import { addedAndActivated, blockedConv, type Fused, type Layout } from './layout.ts';
import { interleave, pairedLayout, pairSums } from './plane-sums.ts';

/** Factors of one product: of the four planes, of the three taps, and of the product in both planes of the result. */
interface Product {
  readonly planes: readonly [number, number, number, number];
  readonly taps: readonly [number, number, number];
  readonly results: readonly [number, number];
}

const PRODUCTS: readonly Product[] = [
  { planes: [1, 0, -1, 0], taps: [1, 0, 0], results: [1, 0] },
  { planes: [0, 1, 1, 0], taps: [1 / 2, 1 / 2, 1 / 2], results: [1, 1] },
  { planes: [0, -1, 1, 0], taps: [1 / 2, -1 / 2, 1 / 2], results: [1, -1] },
  { planes: [0, -1, 0, 1], taps: [0, 0, 1], results: [0, 1] },
];

/** Blocks of channels on both sides from which the products take longer than the sums. */
const LEAST_BLOCKS = 2;
/** Voxels of a batch from which less time is won than the kernels of the products take to make. */
const LEAST_VOXELS = 2048;

/**
 * Whether a convolution has this form and is faster in it.
 * @param layout of the operand
 * @param channels of the other side
 */
export function isFiltered(layout: Layout, channels: number, { kernel, dilations, pads }: ConvAttributes): boolean {
  const { batch, depth, height, width, pack, block } = layout;
  return (
    kernel[0] === 3 &&
    dilations[0] === 1 &&
    pads[0] === 1 &&
    block > 1 &&
    pack === 1 &&
    depth % 2 === 0 &&
    batch * depth * height * width >= LEAST_VOXELS &&
    Math.min(layout.channels, channels) >= LEAST_BLOCKS * block
  );
}

/** Where 3D taps land in the 2D kernels of the products, which lie side by side. */
function productTaps({ kernel: [, height, width] }: ConvAttributes, adjoint: boolean): TapPlacement {
  const flatTaps = height * width;
  const landings = PRODUCTS.flatMap(({ taps }, place) =>
    range(3 * flatTaps).map(tap => {
      const [depth, flat] = [Math.floor(tap / flatTaps), tap % flatTaps];
      const factor = taps[adjoint ? 2 - depth : depth] as number;
      return { tap, outSlot: 0, place, inSlot: 0, flatTap: adjoint ? flatTaps - 1 - flat : flat, factor };
    }),
  );
  return { outSlots: 1, inSlots: 1, offsets: range(PRODUCTS.length), kernel: [height, width], landings };
}

interface Options extends Fused {
  readonly attributes: ConvAttributes;
  readonly adjoint: boolean;
}

/** An image with its layout. */
interface Image {
  readonly tensor: Emitted;
  readonly layout: Layout;
}

/** The convolution, or with `adjoint` its gradient to the input. */
export function winogradConv(
  emit: Emitter,
  { tensor, layout }: Image,
  kernel: Emitted,
  { attributes, adjoint, bias, sum, activation }: Options,
): Emitted {
  const weights = productKernels(emit, kernel, productTaps(attributes, adjoint), { block: layout.block, adjoint });
  const [, padH, padW] = attributes.pads;
  const product = (index: number, fused: Fused = {}): Emitted => {
    const sums = pairSums(emit, tensor, layout, (PRODUCTS[index] as Product).planes);
    return blockedConv(emit, sums, weights[index] as Emitted, {
      kernel: [attributes.kernel[1], attributes.kernel[2]],
      pads: [padH, padW, padH, padW],
      dilations: [attributes.dilations[1], attributes.dilations[2]],
      ...fused,
    });
  };
  // both planes of the result have the second product, so the bias is added to it
  const [second, third] = [product(1, { bias }), product(2)];
  const own = sum === undefined ? { activation } : {};
  const even = product(0, { ...own, sum: emit.binary('Add', second, third) });
  const odd = product(3, { ...own, sum: emit.binary('Sub', second, third) });
  const result = interleave(emit, even, odd, layout);
  return sum === undefined ? result : addedAndActivated(emit, result, { sum, activation });
}

/** Gradient to the kernel [Co, Ci, 3, kH, kW]. */
export function winogradKernelGradient(emit: Emitter, x: Image, dy: Image, attributes: ConvAttributes): Emitted {
  const { dilations, pads, kernel } = attributes;
  const options = {
    pads: [pads[1], pads[2], pads[1], pads[2]],
    steps: [dilations[1], dilations[2]],
    block: dy.layout.block,
  } as const;
  const products = PRODUCTS.map(({ planes, results: [even, odd] }) => {
    const rows = pairSums(emit, x.tensor, x.layout, [0, even, odd, 0]);
    const image = pairSums(emit, dy.tensor, dy.layout, planes);
    const sources = range(image.shape[0] as number).map(row => [row]);
    return correlate(emit, { tensor: rows, planar: false }, { tensor: image, sources }, options);
  });
  const layouts = { x: pairedLayout(x.layout), dy: pairedLayout(dy.layout) };
  return kernelFromTaps(emit, emit.concat(products, 1), productTaps(attributes, true), {
    ...layouts,
    adjoint: true,
    kernel,
  });
}
