/**
 * Convolution with three taps along the depth of an image upsampled by two (nearest) in depth, by three products for
 * two planes of the result instead of four. With the taps g0 to g2, s = g0 + g1 + g2 and the low-resolution planes x,
 *   y(2k) = s x(k) - g0 (x(k) - x(k-1)),  y(2k+1) = s x(k) + g2 (x(k+1) - x(k)),
 * where a product is a sub-pixel convolution within planes over all channels. The gradient to the input sums the
 * adjoint products of dy(2k) - dy(2k+2), dy(2k) + dy(2k+1) and dy(2k-1) - dy(2k+1); in the gradient to the kernel the
 * same sums meet x.
 */
import { elementCount, range } from '../../core/shape.ts';
import type { Emitted, Emitter } from '../emitter.ts';
import { correlate } from './kernel-gradient.ts';
import { kernelFromTaps, type Landing, productKernels, type TapPlacement } from './kernels.ts';
import { blockedConv, type Layout } from './layout.ts';
import {
  coarseMet,
  fineMet,
  type Geometry,
  mergeParities,
  type Pads,
  type Parity,
  padsOf,
  paritiesOf,
  type Reach,
  type Scales,
  splitParities,
  tapPlace,
} from './parities.ts';
import { differences, interleave, pairSums } from './plane-sums.ts';

/** Factors of one product: of the three taps, and in the gradients of dy's planes 2 k - 1 to 2 k + 2. */
interface Product {
  readonly taps: readonly [number, number, number];
  readonly planes: readonly [number, number, number, number];
}

const PRODUCTS: readonly Product[] = [
  { taps: [-1, 0, 0], planes: [0, 1, 0, -1] },
  { taps: [1, 1, 1], planes: [0, 1, 1, 0] },
  { taps: [0, 0, 1], planes: [1, 0, -1, 0] },
];

/** Blocks of channels on both sides from which the products take longer than the sums, and the kernels than is won. */
const LEAST_BLOCKS = 2;
const LEAST_BLOCKS_FROZEN = 1;

/** Sizes of an upsampled convolution. */
export interface UpsampledSizes extends Scales, Geometry {
  /** Whether its kernel stays; false if not given. */
  readonly frozen?: boolean;
}

/** Whether an upsampled convolution has this form and is faster in it. */
export function hasProducts({ fine, coarse, kernel, upsample, frozen = false }: UpsampledSizes): boolean {
  const least = (frozen ? LEAST_BLOCKS_FROZEN : LEAST_BLOCKS) * fine.block;
  return (
    upsample[0] === 2 &&
    kernel[0] === 3 &&
    fine.block > 1 &&
    fine.pack === 1 &&
    coarse.pack === 1 &&
    Math.min(fine.channels, coarse.channels) >= least
  );
}

/** Where 3D taps land in the 2D kernels of the products, which lie side by side. */
function productTaps(
  { kernel }: Geometry,
  height: Reach,
  width: Reach,
): { readonly taps: TapPlacement; readonly pads: Pads } {
  const landings = PRODUCTS.flatMap(({ taps }, place) =>
    range(elementCount(kernel)).flatMap((tap): readonly Landing[] => {
      const [td, th, tw] = tapPlace(tap, kernel);
      return (height.met[th] as readonly number[]).flatMap(h =>
        (width.met[tw] as readonly number[]).map(w => ({
          tap,
          outSlot: 0,
          place,
          inSlot: 0,
          flatTap: (h - height.first) * width.count + w - width.first,
          factor: taps[td] as number,
        })),
      );
    }),
  );
  const kernelSize = [height.count, width.count] as const;
  return {
    taps: { outSlots: 1, inSlots: 1, offsets: range(PRODUCTS.length), kernel: kernelSize, landings },
    pads: padsOf(height, width),
  };
}

const forwardTaps = (geometry: Geometry, [ph, pw]: Parity) =>
  productTaps(geometry, coarseMet(geometry, 1, ph), coarseMet(geometry, 2, pw));

const adjointTaps = (geometry: Geometry, [ph, pw]: Parity) =>
  productTaps(geometry, fineMet(geometry, 1, ph), fineMet(geometry, 2, pw));

/** The convolution: coarse blocked image to fine blocked image. */
export function upsampledProducts(
  emit: Emitter,
  input: Emitted,
  kernel: Emitted,
  { fine, coarse, ...geometry }: Scales & Geometry,
): Emitted {
  const [before, after] = differences(emit, input, coarse);
  const halves = paritiesOf(geometry).map(parity => {
    const { taps, pads } = forwardTaps(geometry, parity);
    const [first, middle, last] = productKernels(emit, kernel, taps, { block: fine.block, adjoint: false });
    const convolve = (image: Emitted, weights: Emitted | undefined, sum?: Emitted): Emitted =>
      blockedConv(emit, image, weights as Emitted, { kernel: taps.kernel, pads, sum });
    const shared = convolve(input, middle);
    return { even: convolve(before, first, shared), odd: convolve(after, last, shared) };
  });
  const [even, odd] = (['even', 'odd'] as const).map(side =>
    mergeParities(
      emit,
      halves.map(half => half[side]),
      fine,
      geometry,
    ),
  );
  return interleave(emit, even as Emitted, odd as Emitted, fine);
}

/** The sums of dy for one parity, one per product, of fine planes at the low resolution. */
function gradientSums(emit: Emitter, part: Emitted, fine: Layout): readonly Emitted[] {
  const [, , height, width] = part.shape as readonly [number, number, number, number];
  return PRODUCTS.map(({ planes }) => pairSums(emit, part, { ...fine, height, width }, planes));
}

/** Gradient to the coarse input. */
export function upsampledProductsInputGradient(
  emit: Emitter,
  dy: Emitted,
  kernel: Emitted,
  { fine, coarse: _, ...geometry }: Scales & Geometry,
): Emitted {
  const parts = splitParities(emit, dy, fine, geometry);
  return paritiesOf(geometry).reduce<Emitted | undefined>((total, parity, index) => {
    const { taps, pads } = adjointTaps(geometry, parity);
    const weights = productKernels(emit, kernel, taps, { block: fine.block, adjoint: true });
    return gradientSums(emit, parts[index] as Emitted, fine).reduce<Emitted | undefined>(
      (sum, image, product) =>
        blockedConv(emit, image, weights[product] as Emitted, { kernel: taps.kernel, pads, sum }),
      total,
    );
  }, undefined) as Emitted;
}

/** Gradient to the kernel [Co, Ci, 3, kH, kW], from the coarse input and dy. */
export function upsampledProductsKernelGradient(
  emit: Emitter,
  input: Emitted,
  dy: Emitted,
  { fine, coarse, ...geometry }: Scales & Geometry,
): Emitted {
  const parts = splitParities(emit, dy, fine, geometry);
  return paritiesOf(geometry)
    .map((parity, index) => {
      const { taps, pads } = adjointTaps(geometry, parity);
      const [top, left, bottom, right] = pads;
      const options = { pads: [bottom, right, top, left], steps: [1, 1], block: fine.block } as const;
      const products = gradientSums(emit, parts[index] as Emitted, fine).map(image => {
        const sources = range(image.shape[0] as number).map(row => [row]);
        return correlate(emit, { tensor: input, planar: false }, { tensor: image, sources }, options);
      });
      const { kernel } = geometry;
      return kernelFromTaps(emit, emit.concat(products, 1), taps, { x: coarse, dy: fine, adjoint: true, kernel });
    })
    .reduce((sum, part) => emit.binary('Add', sum, part));
}
