/**
 * Same-size convolution of an image upsampled by two (nearest) along some axes, at the low resolution. Every result
 * voxel has a parity per upsampled axis; for one parity the three taps of such an axis meet only two low-resolution
 * voxels, so for 3x3x3 and [2, 2, 2] eight convolutions of 2x2x2 taps do the work of one of 3x3x3 on eight times the
 * voxels: 8/27 of the multiplications. Along an axis that is not upsampled every tap keeps its own voxel. `fine` is the
 * result, `coarse` the input; a coarse group covers the depth of one fine group or of several, for which it is packed
 * anew where it covers less.
 */
import { elementCount, range } from '../../core/shape.ts';
import type { ConvAttributes } from '../../graph/ops.ts';
import type { Emitted, Emitter } from '../emitter.ts';
import { correlate } from './kernel-gradient.ts';
import { blockedKernel, kernelFromTaps, placement, type TapPlacement } from './kernels.ts';
import { blockedConv, type Layout, layoutOf, repack } from './layout.ts';
import {
  coarseMet,
  fineMet,
  type Geometry,
  mergeParities,
  type Pads,
  type Parity,
  padsOf,
  paritiesOf,
  type Scales,
  splitParities,
  tapPlace,
} from './parities.ts';
import {
  fewestPlanes,
  groupsAndSamples,
  neighbouringRows,
  type PlaneRows,
  planeRows,
  stackRows,
} from './plane-rows.ts';
import {
  hasProducts,
  type UpsampledSizes,
  upsampledProducts,
  upsampledProductsInputGradient,
  upsampledProductsKernelGradient,
} from './upsampled-products.ts';

/** Whether a convolution has this form. */
export function isUpsampledConv({ kernel, strides, dilations, pads, group, upsample }: ConvAttributes): boolean {
  return (
    group === 1 &&
    upsample.every(factor => factor <= 2) &&
    elementCount(upsample) > 1 &&
    [...strides, ...dilations].every(value => value === 1) &&
    kernel.every((taps, axis) => taps % 2 === 1 && [pads[axis], pads[axis + 3]].every(pad => pad === (taps - 1) / 2))
  );
}

/** Fine groups per coarse group. */
function subGroups(fine: Layout, coarse: Layout, { upsample }: Geometry): number {
  return (upsample[0] * coarse.pack) / fine.pack;
}

/** The coarse layout, packed so that a group covers at least one fine group. */
function covering(fine: Layout, coarse: Layout, { upsample }: Geometry): Layout {
  const { batch, channels, depth, height, width, pack, block } = coarse;
  return layoutOf([batch, channels, depth, height, width], Math.max(pack, fine.pack / upsample[0]), block);
}

interface ParityTaps {
  readonly taps: TapPlacement;
  readonly pads: Pads;
}

function forwardTaps(
  geometry: Geometry,
  { fine, coarse, sub }: { readonly fine: Layout; readonly coarse: Layout; readonly sub: number },
  [ph, pw]: Parity,
): ParityTaps {
  const { kernel, upsample } = geometry;
  const [height, width] = [coarseMet(geometry, 1, ph), coarseMet(geometry, 2, pw)];
  const landings = range(fine.pack).flatMap(outSlot =>
    range(elementCount(kernel)).map(tap => {
      const [td, th, tw] = tapPlace(tap, kernel);
      const [h, w] = [height.met[th]?.[0] as number, width.met[tw]?.[0] as number];
      const flatTap = (h - height.first) * width.count + w - width.first;
      const plane = Math.floor((sub * fine.pack + outSlot + td - (kernel[0] - 1) / 2) / upsample[0]);
      return { tap, outSlot, plane, flatTap };
    }),
  );
  return {
    taps: placement(fine.pack, coarse.pack, [height.count, width.count], landings),
    pads: padsOf(height, width),
  };
}

/** The convolution: coarse blocked image to fine blocked image. */
export function upsampledConv(emit: Emitter, input: Emitted, kernel: Emitted, scales: UpsampledSizes): Emitted {
  if (hasProducts(scales)) return upsampledProducts(emit, input, kernel, scales);
  const { fine, coarse: given, ...geometry } = scales;
  const coarse = covering(fine, given, geometry);
  const image = repack(emit, input, given, coarse);
  const rows = planeRows(emit, image, coarse, { planes: coarse.pack, planar: false });
  const subs = range(subGroups(fine, coarse, geometry)).map(sub => {
    const parts = paritiesOf(geometry).map(parity => {
      const { taps, pads } = forwardTaps(geometry, { fine, coarse, sub }, parity);
      const sources = neighbouringRows(rows, rows.order, { offsets: taps.offsets, ratio: 1 });
      const stacked = stackRows(emit, rows.tensor, sources);
      const weights = blockedKernel(emit, kernel, taps, { block: fine.block, adjoint: false, planar: false });
      return blockedConv(emit, stacked, weights, { kernel: taps.kernel, pads });
    });
    return mergeParities(emit, parts, fine, geometry);
  });
  const groupSize = fine.batch * fine.lanes * fine.height * fine.width;
  const flat = subs.map(part => emit.reshape(part, [coarse.groups, groupSize]));
  return emit.reshape(emit.concat(flat, 1), [fine.groups * fine.batch, fine.lanes, fine.height, fine.width]);
}

/** How a coarse voxel meets the fine ones of one parity; landings in rows of fine planes. */
function adjointTaps(geometry: Geometry, { layout: fine }: PlaneRows, coarse: Layout, [ph, pw]: Parity): ParityTaps {
  const { kernel, upsample } = geometry;
  const [height, width] = [fineMet(geometry, 1, ph), fineMet(geometry, 2, pw)];
  const landings = range(coarse.pack).flatMap(outSlot =>
    range(elementCount(kernel)).flatMap(tap => {
      const [td, th, tw] = tapPlace(tap, kernel);
      return (height.met[th] as readonly number[]).flatMap(h =>
        (width.met[tw] as readonly number[]).flatMap(w =>
          range(upsample[0]).map(choice => ({
            tap,
            outSlot,
            plane: upsample[0] * outSlot + (kernel[0] - 1) / 2 - td + choice,
            flatTap: (h - height.first) * width.count + w - width.first,
          })),
        ),
      );
    }),
  );
  return {
    taps: placement(coarse.pack, fine.pack, [height.count, width.count], landings),
    pads: padsOf(height, width),
  };
}

/** One parity of a fine image as rows of as few planes as can be. */
function parityRows(emit: Emitter, part: Emitted, fine: Layout): PlaneRows {
  const [, , height, width] = part.shape as readonly [number, number, number, number];
  return planeRows(emit, part, { ...fine, height, width }, { planes: fewestPlanes(fine, false), planar: false });
}

/** The fine rows that every coarse group meets through the taps. */
function fineNeighbours(rows: PlaneRows, coarse: Layout, { offsets }: TapPlacement): readonly (readonly number[])[] {
  const ratio = rows.layout.groups / coarse.groups;
  return neighbouringRows(rows, groupsAndSamples(coarse), { offsets, ratio });
}

/** Gradient to the coarse input. */
export function upsampledConvInputGradient(
  emit: Emitter,
  dy: Emitted,
  kernel: Emitted,
  scales: Scales & Geometry,
): Emitted {
  if (hasProducts(scales)) return upsampledProductsInputGradient(emit, dy, kernel, scales);
  const { fine, coarse: wanted, ...geometry } = scales;
  const coarse = covering(fine, wanted, geometry);
  const parts = splitParities(emit, dy, fine, geometry);
  const gradient = paritiesOf(geometry).reduce<Emitted | undefined>((sum, parity, index) => {
    const rows = parityRows(emit, parts[index] as Emitted, fine);
    const { taps, pads } = adjointTaps(geometry, rows, coarse, parity);
    const sources = fineNeighbours(rows, coarse, taps);
    const weights = blockedKernel(emit, kernel, taps, { block: fine.block, adjoint: true, planar: false });
    const stacked = stackRows(emit, rows.tensor, sources);
    return blockedConv(emit, stacked, weights, { kernel: taps.kernel, pads, sum });
  }, undefined) as Emitted;
  return repack(emit, gradient, coarse, wanted);
}

/** Gradient to the kernel [Co, Ci, kD, kH, kW], from the coarse input and dy. */
export function upsampledConvKernelGradient(
  emit: Emitter,
  input: Emitted,
  dy: Emitted,
  scales: Scales & Geometry,
): Emitted {
  if (hasProducts(scales)) return upsampledProductsKernelGradient(emit, input, dy, scales);
  const { fine, coarse: given, ...geometry } = scales;
  const coarse = covering(fine, given, geometry);
  const x = repack(emit, input, given, coarse);
  const parts = splitParities(emit, dy, fine, geometry);
  return paritiesOf(geometry)
    .map((parity, index) => {
      const rows = parityRows(emit, parts[index] as Emitted, fine);
      const { taps, pads } = adjointTaps(geometry, rows, coarse, parity);
      const image = { tensor: rows.tensor, sources: fineNeighbours(rows, coarse, taps) };
      const [top, left, bottom, right] = pads;
      const options = { pads: [bottom, right, top, left], steps: [1, 1], block: fine.block } as const;
      const product = correlate(emit, { tensor: x, planar: false }, image, options);
      const { kernel } = geometry;
      return kernelFromTaps(emit, product, taps, { x: coarse, dy: rows.layout, adjoint: true, kernel });
    })
    .reduce((sum, part) => emit.binary('Add', sum, part));
}
