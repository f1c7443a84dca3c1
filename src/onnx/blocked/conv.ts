/** Same-size 3D convolution, its gradient to the input and to the kernel, as blocked 2D convolutions over stacked planes. */
import { range } from '../../core/shape.ts';
import type { ConvAttributes } from '../../graph/ops.ts';
import type { Emitted, Emitter } from '../emitter.ts';
import { blockedKernel, placement, type TapPlacement } from './kernels.ts';
import {
  type BlockedConvOptions,
  blockedConv,
  type Layout,
  reorderInput,
  reorderOutput,
  roundUp,
  stackGroups,
} from './layout.ts';

/** An operand of a convolution: blocked, or planar where that is cheaper. */
export interface Operand {
  readonly tensor: Emitted;
  readonly layout: Layout;
  readonly planar: boolean;
}

/** Rows of single planes, whatever layout they come from. */
export interface PlaneRows {
  /** [rows, H, W] */
  readonly tensor: Emitted;
  readonly row: (plane: number, sample: number, channel: number) => number;
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

/** The convolution (or with `adjoint` its gradient to the input) of one operand; the result is blocked with the operand's packing. */
export function sameConv(
  emit: Emitter,
  operand: Operand,
  kernel: Emitted,
  options: { readonly attributes: ConvAttributes; readonly adjoint: boolean } & Fused,
): Emitted {
  const { attributes, adjoint, ...fused } = options;
  const { layout, planar, tensor } = operand;
  const taps = tapPlacement(attributes, layout.pack, adjoint);
  const stacked = stackGroups(
    emit,
    tensor,
    layout.batch,
    range(layout.groups).map(group => taps.offsets.map(offset => group + offset)),
  );
  const [, padH, padW] = attributes.pads;
  return blockedConv(emit, stacked, blockedKernel(emit, kernel, taps, { block: layout.block, adjoint, planar }), {
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

/** The planes of a blocked image, one row each. */
export function blockedRows(emit: Emitter, tensor: Emitted, layout: Layout): PlaneRows {
  const { groups, batch, used, height, width, pack, channels } = layout;
  return {
    tensor: emit.reshape(reorderOutput(emit, tensor, used), [groups * batch * used, height, width]),
    row: (plane, sample, channel) =>
      ((Math.floor(plane / pack) * batch + sample) * pack + (plane % pack)) * channels + channel,
  };
}

/** The planes of a row-major image, one row each. */
export function plainRows(emit: Emitter, tensor: Emitted): PlaneRows {
  const [batch, channels, depth, height, width] = tensor.shape as readonly [number, number, number, number, number];
  return {
    tensor: emit.reshape(tensor, [batch * channels * depth, height, width]),
    row: (plane, sample, channel) => (sample * channels + channel) * depth + plane,
  };
}

/**
 * Planes as the input of a kernel gradient: [places * channels, pairs, H', W'] blocked, where a pair is (group of dy, sample) and takes
 * the role of a channel, padded to the block with zero planes.
 * @param padded [rows + 1, H', W'], the last row zero
 * @param planeAt for each place the plane that a group of dy meets there; outside of the depth it is zero
 */
export function gatherPairs(
  emit: Emitter,
  padded: Emitted,
  options: {
    readonly rows: PlaneRows['row'];
    readonly channels: number;
    readonly depth: number;
    readonly batch: number;
    readonly groups: number;
    readonly block: number;
    readonly places: readonly ((group: number) => number)[];
  },
): Emitted {
  const { rows, channels, depth, batch, groups, block, places } = options;
  const [count, height, width] = padded.shape as readonly [number, number, number];
  const zeroRow = count - 1;
  const pairs = roundUp(groups * batch, block);
  const indices = places.flatMap(planeAt =>
    range(channels).flatMap(channel =>
      range(pairs).map(pair => {
        const group = Math.floor(pair / batch);
        const plane = planeAt(group);
        return group < groups && plane >= 0 && plane < depth ? rows(plane, pair % batch, channel) : zeroRow;
      }),
    ),
  );
  const gathered = emit.gather(padded, indices, [places.length * channels, pairs], 0);
  return reorderInput(emit, emit.reshape(gathered, [places.length * channels, pairs, height, width]), block);
}

/** dy as the kernel of a kernel gradient: pairs become input channels, lanes output channels: [lanes, pairs, H, W] blocked. */
export function gradientKernel(emit: Emitter, dy: Emitted, block: number): Emitted {
  const [pairs, lanes, height, width] = dy.shape as readonly [number, number, number, number];
  const rounded = roundUp(pairs, block);
  const padded = emit.padTo(emit.reshape(dy, [pairs, lanes / block, height * width, block]), 0, rounded);
  const view = emit.reshape(padded, [rounded / block, block, lanes / block, height * width, block]);
  return emit.reshape(emit.transpose(view, [2, 0, 3, 1, 4]), [lanes, rounded, height, width]);
}

/** Pads rows [R, H, W] around and adds one zero row. */
function padRows(emit: Emitter, rows: Emitted, padH: number, padW: number): Emitted {
  return emit.pad(rows, [0, padH, padW, 1, padH, padW]);
}

/** Gradient to the kernel [Co, Ci, kD, kH, kW] of a same-size convolution. */
export function sameConvKernelGradient(
  emit: Emitter,
  rows: PlaneRows,
  dy: Operand,
  options: { readonly attributes: ConvAttributes; readonly channels: number },
): Emitted {
  const { attributes, channels } = options;
  const { kernel, dilations, pads } = attributes;
  const { batch, groups, pack, depth, block, channels: out, used } = dy.layout;
  const shifts = range(pack).flatMap(slot => range(kernel[0]).map(tap => slot + tap * dilations[0] - pads[0]));
  const distinct = [...new Set(shifts)].sort((a, b) => a - b);
  const input = gatherPairs(emit, padRows(emit, rows.tensor, pads[1], pads[2]), {
    rows: rows.row,
    channels,
    depth,
    batch,
    groups,
    block,
    places: distinct.map(shift => group => group * pack + shift),
  });
  const product = blockedConv(emit, input, gradientKernel(emit, dy.tensor, block), {
    kernel: [dy.layout.height, dy.layout.width],
    strides: [dilations[1], dilations[2]],
  });
  const flatTaps = kernel[1] * kernel[2];
  const parts = emit.reshape(reorderOutput(emit, product, used), [distinct.length, channels, pack, out, flatTaps]);
  if (pack === 1) return emit.reshape(emit.transpose(parts, [3, 1, 0, 2, 4]), [out, channels, ...kernel]);
  // a tap's gradient is the sum over the slots that meet it at its shift
  const matrix = new Float32Array(distinct.length * pack * kernel[0]);
  for (const slot of range(pack)) {
    for (const tap of range(kernel[0])) {
      const place = distinct.indexOf(slot + tap * dilations[0] - pads[0]);
      matrix[(place * pack + slot) * kernel[0] + tap] = 1;
    }
  }
  const collect = emit.constant({ dataType: 'float32', shape: [distinct.length * pack, kernel[0]], data: matrix });
  const turned = emit.reshape(emit.transpose(parts, [3, 1, 4, 0, 2]), [
    out * channels * flatTaps,
    distinct.length * pack,
  ]);
  const summed = emit.reshape(emit.matmul(turned, collect), [out, channels, flatTaps, kernel[0]]);
  return emit.reshape(emit.transpose(summed, [0, 1, 3, 2]), [out, channels, ...kernel]);
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
