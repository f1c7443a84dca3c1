/**
 * A 3D convolution as a 2D one over stacked planes: the planes that a group of results meets lie side by side on the
 * lanes, and the kernel has a copy of its taps along the depth for every plane of the group (a Toeplitz matrix). Of an
 * image that is upsampled along the depth the coarse planes are stacked, and taps that meet the same one are added up.
 */
import { range } from '../../core/shape.ts';
import type { Emitted, Emitter } from '../emitter.ts';
import { type Folded, imageShape, view } from './layout.ts';

/** One of the images that a convolution reads, concatenated along the channels. */
export interface Piece {
  readonly channels: number;
  /** Planes of the result to one plane of this image. */
  readonly zoom: number;
  /** Real value of one step of its 8-bit numbers. */
  readonly scale: number;
  /** The planes that are stacked, ascending; 0 is the one under the first plane of the result's group. */
  readonly planes: readonly number[];
}

/** Taps along the depth. */
export interface DepthTaps {
  readonly taps: number;
  readonly dilation: number;
}

/** The plane, in those of the result, that a tap of a plane of the group meets. */
function planeOf(slot: number, tap: number, { taps, dilation }: DepthTaps): number {
  return slot + (tap - (taps - 1) / 2) * dilation;
}

/** The planes that a group of `pack` results meets, in planes of an image of which each is `zoom` of the result's. */
export function planesMet(pack: number, depth: DepthTaps, zoom: number): readonly number[] {
  const met = range(pack).flatMap(slot => range(depth.taps).map(tap => Math.floor(planeOf(slot, tap, depth) / zoom)));
  return [...new Set(met)].sort((left, right) => left - right);
}

/** A kernel of real numbers for stacked planes. */
export interface StackedKernel {
  /** Shape [pack Co, lanes, kH, kW]. */
  readonly shape: readonly [number, number, number, number];
  readonly data: Float32Array;
}

/** A kernel [Co, Ci, kD, kH, kW] of real numbers. */
interface VolumeKernel {
  readonly data: Float32Array;
  readonly shape: readonly number[];
}

/** Adds the taps of one tap along the depth to where they meet a piece. */
function addTap(
  { data, shape: [, lanes] }: StackedKernel,
  kernel: VolumeKernel,
  place: {
    readonly piece: Piece;
    readonly firstChannel: number;
    readonly tap: number;
    readonly firstRow: number;
    readonly firstLane: number;
  },
): void {
  const [out, channels, taps, height, width] = kernel.shape as readonly [number, number, number, number, number];
  const { piece, firstChannel, tap, firstRow, firstLane } = place;
  const plane = height * width;
  for (let o = 0; o < out; o++) {
    for (let c = 0; c < piece.channels; c++) {
      const from = ((o * channels + firstChannel + c) * taps + tap) * plane;
      const to = ((firstRow + o) * lanes + firstLane + c) * plane;
      for (let i = 0; i < plane; i++) data[to + i]! += kernel.data[from + i]! * piece.scale;
    }
  }
}

/**
 * The kernel [Co, Ci, kD, kH, kW] for stacked pieces, with the scales of the pieces in it.
 * @param pack planes of a group of results
 */
export function stackedKernel(
  kernel: VolumeKernel,
  pieces: readonly Piece[],
  { pack, dilation }: { readonly pack: number; readonly dilation: number },
): StackedKernel {
  const [out, , taps, height, width] = kernel.shape as readonly [number, number, number, number, number];
  const lanes = pieces.reduce((sum, piece) => sum + piece.planes.length * piece.channels, 0);
  const stacked: StackedKernel = {
    shape: [pack * out, lanes, height, width],
    data: new Float32Array(pack * out * lanes * height * width),
  };
  let [firstChannel, ownLanes] = [0, 0];
  for (const piece of pieces) {
    for (const slot of range(pack)) {
      for (const tap of range(taps)) {
        const met = Math.floor(planeOf(slot, tap, { taps, dilation }) / piece.zoom);
        const firstLane = ownLanes + piece.planes.indexOf(met) * piece.channels;
        addTap(stacked, kernel, { piece, firstChannel, tap, firstRow: slot * out, firstLane });
      }
    }
    firstChannel += piece.channels;
    ownLanes += piece.planes.length * piece.channels;
  }
  return stacked;
}

/** Neighbouring planes of one group, as slices take them. */
interface Run {
  readonly group: number;
  readonly first: number;
  readonly end: number;
}

function runsOf(planes: readonly number[], pack: number): readonly Run[] {
  const runs: Run[] = [];
  for (const plane of planes) {
    const group = Math.floor(plane / pack);
    const slot = plane - group * pack;
    const last = runs.at(-1);
    if (last !== undefined && last.group === group && last.end === slot)
      runs[runs.length - 1] = { ...last, end: slot + 1 };
    else runs.push({ group, first: slot, end: slot + 1 });
  }
  return runs;
}

/**
 * The planes of every group side by side, [N groups, H, W, planes C]; beyond the ends lie planes of `zero`.
 * @param zero the 8-bit number that stands for 0
 */
export function stackPlanes(
  emit: Emitter,
  input: Emitted,
  layout: Folded,
  { planes, zero }: { readonly planes: readonly number[]; readonly zero: Emitted },
): Emitted {
  const { batch, groups, size, channels, pack, lanes } = layout;
  const runs = runsOf(planes, pack);
  const before = Math.max(0, ...runs.map(({ group }) => -group));
  const after = Math.max(0, ...runs.map(({ group }) => group));
  if (before + after === 0 && planes.length === pack) return input;
  const apart = view(emit, input, [batch, groups, size[1], size[2], lanes]);
  const padded = emit.node(
    'Pad',
    [apart, emit.integers([0, before, 0, 0, 0, 0, after, 0, 0, 0]), zero],
    apart.shape.with(1, groups + before + after),
  );
  const parts = runs.map(({ group, first, end }) =>
    emit.node(
      'Slice',
      [
        padded,
        emit.integers([before + group, first * channels]),
        emit.integers([before + group + groups, end * channels]),
        emit.integers([1, 4]),
      ],
      apart.shape.with(4, (end - first) * channels),
    ),
  );
  const stacked = emit.concat(parts, 4);
  return view(emit, stacked, imageShape(layout).with(3, planes.length * channels));
}
