/**
 * Convolution 3x3x3 of an image upsampled by two (nearest), at the low resolution. Every result voxel has a parity per
 * axis; for one parity the three taps of an axis meet only two low-resolution voxels, so eight convolutions of 2x2x2
 * taps do the work of one of 3x3x3 on eight times the voxels: 8/27 of the multiplications. `fine` is the result,
 * `coarse` the input; a fine group covers the depth of half a coarse group or of a whole one (packing fine = 2 coarse,
 * or both 1).
 */
import { range } from '../../core/shape.ts';
import type { ConvAttributes } from '../../graph/ops.ts';
import type { Emitted, Emitter } from '../emitter.ts';
import { correlate } from './kernel-gradient.ts';
import { blockedKernel, kernelFromTaps, placement, type TapPlacement } from './kernels.ts';
import { blockedConv, type Layout } from './layout.ts';
import {
  fewestPlanes,
  groupsAndSamples,
  neighbouringRows,
  type PlaneRows,
  planeRows,
  stackRows,
} from './plane-rows.ts';

const TAPS = 27;
const PARITIES = [
  [0, 0],
  [0, 1],
  [1, 0],
  [1, 1],
] as const;
type Parity = (typeof PARITIES)[number];

/** Whether a convolution has this form. */
export function isUpsampledConv({ kernel, strides, dilations, pads, group, upsample }: ConvAttributes): boolean {
  return (
    group === 1 &&
    upsample.every(factor => factor === 2) &&
    kernel.every(taps => taps === 3) &&
    [...strides, ...dilations, ...pads].every(value => value === 1)
  );
}

/** Fine groups per coarse group. */
function subGroups(fine: Layout, coarse: Layout): number {
  return (2 * coarse.pack) / fine.pack;
}

function split(tap: number): readonly [number, number, number] {
  return [Math.floor(tap / 9), Math.floor(tap / 3) % 3, tap % 3];
}

/** Low-resolution voxel met by a tap (0..2) from a result voxel of the given parity, relative to that voxel's own. */
function met(parity: number, tap: number): number {
  return Math.floor((parity + tap - 1) / 2);
}

function forwardTaps(fine: Layout, coarse: Layout, sub: number, [ph, pw]: Parity): TapPlacement {
  const landings = range(fine.pack).flatMap(outSlot =>
    range(TAPS).map(tap => {
      const [td, th, tw] = split(tap);
      const flatTap = (met(ph, th) + 1 - ph) * 2 + met(pw, tw) + 1 - pw;
      return { tap, outSlot, plane: Math.floor((sub * fine.pack + outSlot + td - 1) / 2), flatTap };
    }),
  );
  return placement(fine.pack, coarse.pack, [2, 2], landings);
}

/**
 * Splits a fine image by the parities of height and width: four images at the low resolution, in the order of PARITIES.
 */
function splitParities(emit: Emitter, tensor: Emitted, { block }: Layout): readonly Emitted[] {
  const [rows, lanes, height, width] = tensor.shape as readonly [number, number, number, number];
  const [h, w] = [height / 2, width / 2];
  const columns = emit.split(emit.reshape(tensor, [((rows * lanes) / block) * height * w, 2 * block]), 1, [
    block,
    block,
  ]);
  const byWidth = columns.map(column =>
    emit.split(emit.reshape(column, [((rows * lanes) / block) * h, 2 * w * block]), 1, [w * block, w * block]),
  );
  return PARITIES.map(([ph, pw]) =>
    emit.reshape((byWidth[pw] as readonly Emitted[])[ph] as Emitted, [rows, lanes, h, w]),
  );
}

/** The inverse of {@link splitParities}. */
function mergeParities(emit: Emitter, parts: readonly Emitted[], { block }: Layout): Emitted {
  const [rows, lanes, h, w] = (parts[0] as Emitted).shape as readonly [number, number, number, number];
  const lines = [0, 1].map(ph => {
    const pair = parts
      .slice(2 * ph, 2 * ph + 2)
      .map(part => emit.reshape(part, [((rows * lanes) / block) * h * w, block]));
    return emit.reshape(emit.concat(pair, 1), [((rows * lanes) / block) * h, 2 * w * block]);
  });
  return emit.reshape(emit.concat(lines, 1), [rows, lanes, 2 * h, 2 * w]);
}

/** The convolution: coarse blocked image to fine blocked image. */
export function upsampledConv(emit: Emitter, input: Emitted, kernel: Emitted, fine: Layout, coarse: Layout): Emitted {
  const rows = planeRows(emit, input, coarse, { planes: coarse.pack, planar: false });
  const subs = range(subGroups(fine, coarse)).map(sub => {
    const parts = PARITIES.map(parity => {
      const taps = forwardTaps(fine, coarse, sub, parity);
      const sources = neighbouringRows(rows, rows.order, { offsets: taps.offsets, ratio: 1 });
      const stacked = stackRows(emit, rows.tensor, sources);
      const [ph, pw] = parity;
      return blockedConv(
        emit,
        stacked,
        blockedKernel(emit, kernel, taps, { block: fine.block, adjoint: false, planar: false }),
        {
          kernel: [2, 2],
          pads: [1 - ph, 1 - pw, ph, pw],
        },
      );
    });
    return mergeParities(emit, parts, fine);
  });
  const groupSize = fine.batch * fine.lanes * fine.height * fine.width;
  const flat = subs.map(part => emit.reshape(part, [coarse.groups, groupSize]));
  return emit.reshape(emit.concat(flat, 1), [fine.groups * fine.batch, fine.lanes, fine.height, fine.width]);
}

/** A coarse voxel meets fine ones at 2L + 1 - tap + {0, 1}; landings in rows of fine planes. */
function adjointTaps({ layout: fine }: PlaneRows, coarse: Layout, [ph, pw]: Parity): TapPlacement {
  const meets = (parity: number, tap: number): number[] =>
    [0, 1].map(choice => (1 - tap + choice - parity) / 2).filter(offset => Number.isInteger(offset));
  const landings = range(coarse.pack).flatMap(outSlot =>
    range(TAPS).flatMap(tap => {
      const [td, th, tw] = split(tap);
      return meets(ph, th).flatMap(h =>
        meets(pw, tw).flatMap(w =>
          [0, 1].map(choice => {
            const plane = 2 * outSlot + 1 - td + choice;
            return { tap, outSlot, plane, flatTap: (h + ph) * 2 + w + pw };
          }),
        ),
      );
    }),
  );
  return placement(coarse.pack, fine.pack, [2, 2], landings);
}

/** One parity of a fine image as rows of as few planes as can be. */
function parityRows(emit: Emitter, part: Emitted, fine: Layout): PlaneRows {
  const own = { ...fine, height: fine.height / 2, width: fine.width / 2 };
  return planeRows(emit, part, own, { planes: fewestPlanes(fine, false), planar: false });
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
  fine: Layout,
  coarse: Layout,
): Emitted {
  const parts = splitParities(emit, dy, fine);
  return PARITIES.reduce<Emitted | undefined>((sum, parity, index) => {
    const [ph, pw] = parity;
    const rows = parityRows(emit, parts[index] as Emitted, fine);
    const taps = adjointTaps(rows, coarse, parity);
    const sources = fineNeighbours(rows, coarse, taps);
    const weights = blockedKernel(emit, kernel, taps, { block: fine.block, adjoint: true, planar: false });
    const stacked = stackRows(emit, rows.tensor, sources);
    return blockedConv(emit, stacked, weights, { kernel: [2, 2], pads: [ph, pw, 1 - ph, 1 - pw], sum });
  }, undefined) as Emitted;
}

/** Gradient to the kernel [Co, Ci, 3, 3, 3], from the coarse input and dy. */
export function upsampledConvKernelGradient(
  emit: Emitter,
  input: Emitted,
  dy: Emitted,
  { fine, coarse }: { readonly fine: Layout; readonly coarse: Layout },
): Emitted {
  const parts = splitParities(emit, dy, fine);
  return PARITIES.map((parity, index) => {
    const [ph, pw] = parity;
    const rows = parityRows(emit, parts[index] as Emitted, fine);
    const taps = adjointTaps(rows, coarse, parity);
    const sources = fineNeighbours(rows, coarse, taps);
    const image = { tensor: rows.tensor, sources };
    const options = { pads: [1 - ph, 1 - pw, ph, pw], steps: [1, 1], block: fine.block } as const;
    const product = correlate(emit, { tensor: input, planar: false }, image, options);
    return kernelFromTaps(emit, product, taps, { x: coarse, dy: rows.layout, adjoint: true, kernel: [3, 3, 3] });
  }).reduce((sum, part) => emit.binary('Add', sum, part));
}
