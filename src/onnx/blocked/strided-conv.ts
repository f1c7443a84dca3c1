/**
 * Strided 3D convolution, its gradient to the input (which is also a transposed convolution) and to the kernel, as
 * blocked 2D convolutions. `fine` is the image before the stride, `coarse` the one after it. The convolution reads the
 * neighbour planes of every coarse plane and takes the stride within planes as it is. The gradient to the input is made
 * at the coarse resolution, one convolution for every place of a fine voxel within the stride: such a place is met by a
 * fraction of the taps. In the gradient to the kernel the coarse image, dilated by the stride, is the kernel. So no
 * product is computed that is thrown away.
 */
import type { Axis } from '../../core/axes.ts';
import { range, type Triple } from '../../core/shape.ts';
import type { ConvAttributes } from '../../graph/ops.ts';
import type { Emitted, Emitter } from '../emitter.ts';
import { correlate } from './kernel-gradient.ts';
import { blockedKernel, kernelFromTaps, placement, type TapPlacement } from './kernels.ts';
import { blockedConv, type Fused, type Layout } from './layout.ts';
import { fewestPlanes, groupsAndSamples, neighbouringRows, planeRows, stackRows } from './plane-rows.ts';

/** A blocked image with its layout. */
export interface BlockedImage {
  readonly tensor: Emitted;
  readonly layout: Layout;
}

/**
 * Whether a convolution has this form: one group, a stride that divides the image of `fine` voxels exactly and is at
 * most the kernel, and at most 2 in depth, where planes are packed.
 * @param fine size of the image before the stride, D, H, W
 */
export function isStridedConv(attributes: ConvAttributes, fine: Triple): boolean {
  const { kernel, strides, dilations, pads, group, upsample } = attributes;
  return (
    group === 1 &&
    strides.some(stride => stride > 1) &&
    strides[0] <= 2 &&
    [...dilations, ...upsample].every(factor => factor === 1) &&
    kernel.every((taps, index) => {
      const axis = index as Axis;
      const places = fine[axis] + pads[axis] + pads[(axis + 3) as 3 | 4 | 5] - taps;
      const isExact = (Math.floor(places / strides[axis]) + 1) * strides[axis] === fine[axis];
      return isExact && taps >= strides[axis] && pads[axis] < taps;
    })
  );
}

/** Depth, row and column of a tap of a 3D kernel. */
function tapsOf([depth, height, width]: Triple): readonly { readonly tap: number; readonly place: Triple }[] {
  return range(depth * height * width).map(tap => ({
    tap,
    place: [Math.floor(tap / (height * width)), Math.floor(tap / width) % height, tap % width],
  }));
}

/** Taps of results of `outSlots` coarse planes in rows of `inSlots` fine planes. */
function forwardTaps({ kernel, strides, pads }: ConvAttributes, outSlots: number, inSlots: number): TapPlacement {
  const [, height, width] = kernel;
  const landings = range(outSlots).flatMap(outSlot =>
    tapsOf(kernel).map(({ tap, place: [depth, row, column] }) => ({
      tap,
      outSlot,
      plane: outSlot * strides[0] + depth - pads[0],
      flatTap: row * width + column,
    })),
  );
  return placement(outSlots, inSlots, [height, width], landings);
}

/** Zeros after an axis that the last place of the kernel reaches. */
function zerosAfter({ kernel, strides, pads }: ConvAttributes, axis: Axis): number {
  return Math.max(0, kernel[axis] - strides[axis] - pads[axis]);
}

/** Zeros around a plane: top, left, bottom, right. */
function planePads(attributes: ConvAttributes): readonly [number, number, number, number] {
  const [, top, left] = attributes.pads;
  return [top, left, zerosAfter(attributes, 1), zerosAfter(attributes, 2)];
}

/** The convolution: fine image to coarse image. */
export function stridedConv(
  emit: Emitter,
  fine: BlockedImage,
  kernel: Emitted,
  { attributes, coarse, ...fused }: { readonly attributes: ConvAttributes; readonly coarse: Layout } & Fused,
): Emitted {
  const planes = fewestPlanes(fine.layout, false);
  const rows = planeRows(emit, fine.tensor, fine.layout, { planes, planar: false });
  const taps = forwardTaps(attributes, coarse.pack, planes);
  const ratio = (attributes.strides[0] * coarse.pack) / planes;
  const sources = neighbouringRows(rows, groupsAndSamples(coarse), { offsets: taps.offsets, ratio });
  const weights = blockedKernel(emit, kernel, taps, { block: coarse.block, adjoint: false, planar: false });
  return blockedConv(emit, stackRows(emit, rows.tensor, sources), weights, {
    kernel: taps.kernel,
    pads: planePads(attributes),
    strides: [attributes.strides[1], attributes.strides[2]],
    ...fused,
  });
}

/** The taps of one axis that meet the fine voxels at a place within the stride. */
interface Met {
  /** Coarse voxel that a tap meets, relative to the fine voxel's own; undefined if it meets none. */
  readonly offsets: readonly (number | undefined)[];
  /** Least and greatest offset, both on their own side of 0. */
  readonly from: number;
  readonly to: number;
}

function metBy({ kernel, strides, pads }: ConvAttributes, axis: Axis, place: number): Met {
  const offsets = range(kernel[axis]).map(tap => {
    const offset = (place + pads[axis] - tap) / strides[axis];
    return Number.isInteger(offset) ? offset : undefined;
  });
  const known = offsets.filter(offset => offset !== undefined);
  return { offsets, from: Math.min(0, ...known), to: Math.max(0, ...known) };
}

/** Planes side by side within the stride, parts[row][column], as one plane. */
function interleave(emit: Emitter, parts: readonly (readonly Emitted[])[], block: number): Emitted {
  const [rows, lanes, height, width] = ((parts[0] as readonly Emitted[])[0] as Emitted).shape as readonly [
    number,
    number,
    number,
    number,
  ];
  const [down, across] = [parts.length, (parts[0] as readonly Emitted[]).length];
  const lines = parts.map(row => {
    const columns = row.map(part => emit.reshape(part, [((rows * lanes) / block) * height * width, block]));
    return emit.reshape(emit.concat(columns, 1), [((rows * lanes) / block) * height, across * width * block]);
  });
  return emit.reshape(emit.concat(lines, 1), [rows, lanes, down * height, across * width]);
}

interface InputGradient extends Pick<Fused, 'bias'> {
  readonly attributes: ConvAttributes;
  readonly fine: Layout;
}

/**
 * Whether every fine voxel meets one tap of one coarse voxel, every plane fills blocks of its own, and planes of one
 * sample lie one behind the other.
 */
function isOfBlocks({ kernel, strides, pads }: ConvAttributes, coarse: Layout, fine: Layout): boolean {
  return (
    kernel.every((taps, axis) => taps === strides[axis]) &&
    pads.every(pad => pad === 0) &&
    [coarse, fine].every(({ channels, block, batch, pack }) => channels % block === 0 && (batch === 1 || pack === 1))
  );
}

/** Where the kernel is the stride: one convolution to all fine voxels of a coarse one, which then take their places. */
function blocksOfVoxels(
  emit: Emitter,
  coarse: BlockedImage,
  kernel: Emitted,
  { attributes, fine, bias }: InputGradient,
): Emitted {
  const [down, rows, columns] = attributes.kernel;
  const { depth, height, width, batch, block } = coarse.layout;
  const parts = down * rows * columns;
  const landings = range(parts).map(tap => ({ tap, outSlot: tap, plane: 0, flatTap: 0 }));
  const weights = blockedKernel(emit, kernel, placement(parts, 1, [1, 1], landings), {
    block,
    adjoint: true,
    planar: false,
  });
  // a bias has a number for every plane of the lanes
  const spread = (vector: Emitted): Emitted => {
    const own = emit.slice(vector, 0, 0, fine.channels);
    return emit.reshape(emit.expand(emit.reshape(own, [1, fine.channels]), [parts, fine.channels]), [
      parts * fine.channels,
    ]);
  };
  const planes = emit.reshape(coarse.tensor, [depth * batch, coarse.layout.channels, height, width]);
  const voxels = blockedConv(emit, planes, weights, { kernel: [1, 1], bias: bias && spread(bias) });
  const view = [depth, batch, down, rows, columns, fine.channels / block, height, width, block];
  const inPlace = emit.transpose(emit.reshape(voxels, view), [0, 2, 1, 5, 6, 3, 7, 4, 8]);
  return emit.reshape(inPlace, [fine.groups * batch, fine.lanes, fine.height, fine.width]);
}

/** The gradient to the fine image, or the transposed convolution of the coarse one. */
export function stridedConvInputGradient(
  emit: Emitter,
  coarse: BlockedImage,
  kernel: Emitted,
  options: InputGradient,
): Emitted {
  const { attributes, fine, bias } = options;
  if (isOfBlocks(attributes, coarse.layout, fine)) return blocksOfVoxels(emit, coarse, kernel, options);
  const { strides, pads } = attributes;
  const planes = fewestPlanes(coarse.layout, false);
  const rows = planeRows(emit, coarse.tensor, coarse.layout, { planes, planar: false });
  const ratio = coarse.layout.pack / planes;
  const part = (sub: number, place: readonly [number, number]): Emitted => {
    const [h, w] = [metBy(attributes, 1, place[0]), metBy(attributes, 2, place[1])];
    const size = [h.to - h.from + 1, w.to - w.from + 1] as const;
    const landings = range(fine.pack).flatMap(outSlot =>
      tapsOf(attributes.kernel).flatMap(({ tap, place: [depth, row, column] }) => {
        const plane = (sub * fine.pack + outSlot + pads[0] - depth) / strides[0];
        const [y, x] = [h.offsets[row], w.offsets[column]];
        if (!Number.isInteger(plane) || y === undefined || x === undefined) return [];
        return [{ tap, outSlot, plane, flatTap: (y - h.from) * size[1] + x - w.from }];
      }),
    );
    const taps = placement(fine.pack, planes, size, landings);
    const sources = neighbouringRows(rows, groupsAndSamples(coarse.layout), { offsets: taps.offsets, ratio });
    const weights = blockedKernel(emit, kernel, taps, { block: fine.block, adjoint: true, planar: false });
    return blockedConv(emit, stackRows(emit, rows.tensor, sources), weights, {
      kernel: size,
      pads: [-h.from, -w.from, h.to, w.to],
      bias,
    });
  };
  const { groups } = coarse.layout;
  const groupSize = fine.batch * fine.lanes * fine.height * fine.width;
  const subs = range(fine.groups / groups).map(sub => {
    const parts = range(strides[1]).map(row => range(strides[2]).map(column => part(sub, [row, column])));
    return emit.reshape(interleave(emit, parts, fine.block), [groups, groupSize]);
  });
  return emit.reshape(emit.concat(subs, 1), [fine.groups * fine.batch, fine.lanes, fine.height, fine.width]);
}

/** Gradient to the kernel [Co, Ci, kD, kH, kW], from the fine input and the gradient to the coarse result. */
export function stridedConvKernelGradient(
  emit: Emitter,
  fine: BlockedImage,
  coarse: BlockedImage,
  attributes: ConvAttributes,
): Emitted {
  const { kernel, strides } = attributes;
  const finePlanes = fewestPlanes(fine.layout, false);
  // a coarse row covers whole fine rows
  const coarsePlanes = Math.max(fewestPlanes(coarse.layout, false), finePlanes / strides[0]);
  const x = planeRows(emit, fine.tensor, fine.layout, { planes: finePlanes, planar: false });
  const dy = planeRows(emit, coarse.tensor, coarse.layout, { planes: coarsePlanes, planar: false });
  const taps = forwardTaps(attributes, coarsePlanes, finePlanes);
  const ratio = (strides[0] * coarsePlanes) / finePlanes;
  const sources = neighbouringRows(x, dy.order, { offsets: taps.offsets, ratio });
  const product = correlate(
    emit,
    { tensor: stackRows(emit, x.tensor, sources), planar: false },
    { tensor: dy.tensor, sources: range(dy.order.length).map(row => [row]) },
    {
      pads: planePads(attributes),
      steps: [1, 1],
      strides: [strides[1], strides[2]],
      block: coarse.layout.block,
    },
  );
  const own = emit.slice(emit.slice(product, 2, 0, kernel[1]), 3, 0, kernel[2]);
  return kernelFromTaps(emit, own, taps, { x: x.layout, dy: dy.layout, adjoint: false, kernel });
}
