/** Same-size 3D convolution, its gradient to the input and to the kernel, as blocked 2D convolutions over stacked planes. */
import { range } from '../../core/shape.ts';
import type { ConvAttributes } from '../../graph/ops.ts';
import type { Emitted, Emitter } from '../emitter.ts';
import { correlate } from './kernel-gradient.ts';
import { blockedKernel, kernelFromTaps, placement, type TapPlacement } from './kernels.ts';
import { type BlockedConvOptions, blockedConv, type Layout, reorderOutput, stackGroups } from './layout.ts';

/** An operand of a convolution: blocked, or planar where that is cheaper. */
export interface Operand {
  readonly tensor: Emitted;
  readonly layout: Layout;
  readonly planar: boolean;
}

/** Whether a convolution has the blocked form: one group, stride 1, odd kernel, as many zeros around as keep the size. */
export function isSameConv({ kernel, strides, dilations, pads, group, upsample }: ConvAttributes): boolean {
  return (
    group === 1 &&
    [...strides, ...upsample].every(factor => factor === 1) &&
    kernel.every((taps, axis) => {
      const around = dilations[axis as 0 | 1 | 2] * (taps - 1);
      return taps % 2 === 1 && pads[axis as 0 | 1 | 2] * 2 === around && pads[(axis + 3) as 3 | 4 | 5] * 2 === around;
    })
  );
}

function tapPlacement({ kernel, dilations, pads }: ConvAttributes, slots: number, adjoint: boolean): TapPlacement {
  const [depth, height, width] = kernel;
  const landings = range(slots).flatMap(outSlot =>
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
  return placement(slots, slots, [height, width], landings);
}

/** Extras of a blocked convolution that are fused into its pass. */
export type Fused = Pick<BlockedConvOptions, 'bias' | 'sum' | 'activation'>;

/** For each group the neighbours that the taps meet. */
function neighbours({ groups }: Layout, { offsets }: TapPlacement): readonly (readonly number[])[] {
  return range(groups).map(group => offsets.map(offset => group + offset));
}

/** The convolution (or with `adjoint` its gradient to the input) of one operand; the result is blocked with the operand's packing. */
export function sameConv(
  emit: Emitter,
  operand: Operand,
  kernel: Emitted,
  options: { readonly attributes: ConvAttributes; readonly adjoint: boolean } & Fused,
): Emitted {
  const { attributes, adjoint, ...fused } = options;
  const { layout, planar } = operand;
  const taps = tapPlacement(attributes, layout.pack, adjoint);
  const weights = blockedKernel(emit, kernel, taps, { block: layout.block, adjoint, planar });
  const [, padH, padW] = attributes.pads;
  return blockedConv(emit, stackGroups(emit, operand.tensor, layout.batch, neighbours(layout, taps)), weights, {
    kernel: taps.kernel,
    pads: [padH, padW, padH, padW],
    dilations: [attributes.dilations[1], attributes.dilations[2]],
    ...fused,
  });
}

/** Number of channels a planar input of this convolution would have: planar is possible below the block. */
export function stackedChannels(attributes: ConvAttributes, layout: Layout): number {
  return tapPlacement(attributes, layout.pack, false).offsets.length * layout.used;
}

/**
 * Gradient to the kernel [Co, Ci, kD, kH, kW] of a same-size convolution. A blocked x meets dy with its neighbours, as in
 * the gradient to the input; a planar x (an image of few channels) is stacked itself.
 */
export function sameConvKernelGradient(emit: Emitter, x: Operand, dy: Operand, attributes: ConvAttributes): Emitted {
  const { dilations, pads } = attributes;
  const adjoint = !x.planar;
  const taps = tapPlacement(attributes, dy.layout.pack, adjoint);
  const options = {
    pads: [pads[1], pads[2], pads[1], pads[2]],
    steps: [dilations[1], dilations[2]],
    block: dy.layout.block,
  } as const;
  const sources = neighbours(dy.layout, taps);
  const { batch, groups } = dy.layout;
  const product = adjoint
    ? correlate(emit, x, { tensor: dy.tensor, batch, sources }, options)
    : correlate(
        emit,
        { tensor: stackGroups(emit, x.tensor, batch, sources), planar: true },
        { tensor: dy.tensor, batch, sources: range(groups).map(group => [group]) },
        options,
      );
  return kernelFromTaps(emit, product, taps, { x: x.layout, dy: dy.layout, adjoint, kernel: attributes.kernel });
}

/** Gradient to a 1x1x1 kernel: one matrix product per plane group, lanes of dy against lanes of x, summed over planes and slots. */
export function pointwiseKernelGradient(emit: Emitter, x: Operand, dy: Operand): Emitted {
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
