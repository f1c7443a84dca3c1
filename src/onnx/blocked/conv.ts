/**
 * Same-size 3D convolution, its gradient to the input and to the kernel, as blocked 2D convolutions over stacked
 * planes.
 */
import type { Axis } from '../../core/axes.ts';
import { range } from '../../core/shape.ts';
import type { ConvAttributes } from '../../graph/ops.ts';
import type { Emitted, Emitter } from '../emitter.ts';
import { correlate } from './kernel-gradient.ts';
import { blockedKernel, kernelFromTaps, placement, type TapPlacement } from './kernels.ts';
import { blockedConv, type Fused, type Layout, reorderOutput } from './layout.ts';
import { fewestPlanes, groupsAndSamples, neighbouringRows, planeRows, stackRows } from './plane-rows.ts';
import { isFiltered, winogradConv, winogradKernelGradient } from './winograd.ts';

/** An operand of a convolution: blocked, or planar if that is cheaper. */
export interface BlockedOperand {
  readonly tensor: Emitted;
  readonly layout: Layout;
  readonly planar: boolean;
}

/**
 * Whether a convolution has the blocked form: one group, stride 1, odd kernel, as many zeros around as keep the size.
 */
export function isSameConv({ kernel, strides, dilations, pads, group, upsample }: ConvAttributes): boolean {
  return (
    group === 1 &&
    [...strides, ...upsample].every(factor => factor === 1) &&
    kernel.every((taps, axis) => {
      const around = dilations[axis as Axis] * (taps - 1);
      return taps % 2 === 1 && pads[axis as Axis] * 2 === around && pads[(axis + 3) as 3 | 4 | 5] * 2 === around;
    })
  );
}

/** Where the taps of a result of `outSlots` planes land in rows of `inSlots` planes. */
function tapPlacement(
  { kernel, dilations, pads }: ConvAttributes,
  { outSlots, inSlots, adjoint }: { readonly outSlots: number; readonly inSlots: number; readonly adjoint: boolean },
): TapPlacement {
  const [depth, height, width] = kernel;
  const landings = range(outSlots).flatMap(outSlot =>
    range(depth * height * width).map(tap => {
      const plane = Math.floor(tap / (height * width));
      const flat = tap % (height * width);
      const shift = plane * dilations[0] - pads[0];
      return {
        tap,
        outSlot,
        plane: outSlot + (adjoint ? -shift : shift),
        flatTap: adjoint ? height * width - 1 - flat : flat,
      };
    }),
  );
  return placement(outSlots, inSlots, [height, width], landings);
}

/**
 * The convolution (or with `adjoint` its gradient to the input) of one operand; the result is blocked with the
 * operand's packing.
 */
export function sameConv(
  emit: Emitter,
  operand: BlockedOperand,
  kernel: Emitted,
  options: { readonly attributes: ConvAttributes; readonly adjoint: boolean } & Fused,
): Emitted {
  const { attributes, adjoint, ...fused } = options;
  const { layout, planar } = operand;
  if (!planar && isFiltered(layout, kernel.shape[adjoint ? 1 : 0] as number, attributes)) {
    return winogradConv(emit, operand, kernel, options);
  }
  const planes = fewestPlanes(layout, planar);
  const rows = planeRows(emit, operand.tensor, layout, { planes, planar });
  const taps = tapPlacement(attributes, { outSlots: layout.pack, inSlots: planes, adjoint });
  const weights = blockedKernel(emit, kernel, taps, { block: layout.block, adjoint, planar });
  const sources = neighbouringRows(rows, groupsAndSamples(layout), {
    offsets: taps.offsets,
    ratio: layout.pack / planes,
  });
  const [, padH, padW] = attributes.pads;
  return blockedConv(emit, stackRows(emit, rows.tensor, sources), weights, {
    kernel: taps.kernel,
    pads: [padH, padW, padH, padW],
    dilations: [attributes.dilations[1], attributes.dilations[2]],
    ...fused,
  });
}

/** Number of channels a planar input of this convolution would have: planar is possible below the block. */
export function stackedChannels(attributes: ConvAttributes, { pack, channels }: Layout): number {
  return tapPlacement(attributes, { outSlots: pack, inSlots: 1, adjoint: false }).offsets.length * channels;
}

/**
 * Gradient to the kernel [Co, Ci, kD, kH, kW] of a same-size convolution. A blocked x meets dy with its neighbours, as
 * in the gradient to the input; a planar x (an image of few channels) is stacked itself.
 */
export function sameConvKernelGradient(
  emit: Emitter,
  x: BlockedOperand,
  dy: BlockedOperand,
  attributes: ConvAttributes,
): Emitted {
  const { dilations, pads, kernel } = attributes;
  if (!x.planar && isFiltered(x.layout, dy.layout.channels, attributes)) {
    return winogradKernelGradient(emit, x, dy, attributes);
  }
  const adjoint = !x.planar;
  const planes = Math.max(fewestPlanes(x.layout, x.planar), fewestPlanes(dy.layout, false));
  const taps = tapPlacement(attributes, { outSlots: planes, inSlots: planes, adjoint });
  const options = {
    pads: [pads[1], pads[2], pads[1], pads[2]],
    steps: [dilations[1], dilations[2]],
    block: dy.layout.block,
  } as const;
  const xRows = planeRows(emit, x.tensor, x.layout, { planes, planar: x.planar });
  const dyRows = planeRows(emit, dy.tensor, dy.layout, { planes, planar: false });
  const met = { offsets: taps.offsets, ratio: 1 };
  const product = adjoint
    ? correlate(
        emit,
        { tensor: xRows.tensor, planar: false },
        { tensor: dyRows.tensor, sources: neighbouringRows(dyRows, xRows.order, met) },
        options,
      )
    : correlate(
        emit,
        { tensor: stackRows(emit, xRows.tensor, neighbouringRows(xRows, dyRows.order, met)), planar: true },
        { tensor: dyRows.tensor, sources: range(dyRows.order.length).map(row => [row]) },
        options,
      );
  return kernelFromTaps(emit, product, taps, { x: xRows.layout, dy: dyRows.layout, adjoint, kernel });
}

/**
 * Gradient to a 1x1x1 kernel: one matrix product per plane group, lanes of dy against lanes of x, summed over planes
 * and slots.
 */
export function pointwiseKernelGradient(emit: Emitter, x: BlockedOperand, dy: BlockedOperand): Emitted {
  const { pack, block, lanes, channels } = x.layout;
  const { groups, batch, height, width, used, channels: out } = dy.layout;
  const rows = emit.reshape(reorderOutput(emit, dy.tensor, used), [groups * batch, 1, used, height * width]);
  const columns = emit.reshape(x.tensor, [groups * batch, lanes / block, height * width, block]);
  const product = emit.reduce('ReduceSum', emit.matmul(rows, columns), [0]);
  const table = emit.slice(emit.reshape(emit.transpose(product, [0, 2, 1, 3]), [used, lanes]), 1, 0, x.layout.used);
  if (pack === 1) return emit.reshape(table, [out, channels, 1, 1, 1]);
  const same = emit.float(
    range(pack * pack).map(index => (index % (pack + 1) === 0 ? 1 : 0)),
    [pack, 1, pack, 1],
  );
  const diagonal = emit.binary('Mul', emit.reshape(table, [pack, out, pack, channels]), same);
  return emit.reshape(emit.reduce('ReduceSum', diagonal, [0, 2]), [out, channels, 1, 1, 1]);
}
