/**
 * What the forms of a convolution of an upsampled image share: a result voxel has a parity per upsampled axis of the
 * plane, each parity is an image at the low resolution, and the taps of an axis meet few low-resolution voxels. `fine`
 * is the result, `coarse` the input.
 */
import { elementCount, range } from '../../core/shape.ts';
import type { ConvAttributes } from '../../graph/ops.ts';
import type { Emitted, Emitter } from '../emitter.ts';
import type { Layout } from './layout.ts';

/** A parity in height and width: 0 or 1 along an upsampled axis, otherwise 0. */
export type Parity = readonly [number, number];

/** Geometry of a convolution of this kind. */
export type Geometry = Pick<ConvAttributes, 'kernel' | 'upsample'>;

/** All parities of height and width. */
export function paritiesOf({ upsample: [, height, width] }: Geometry): readonly Parity[] {
  return range(height).flatMap(ph => range(width).map(pw => [ph, pw] as const));
}

/** Depth, row and column of a tap of a 3D kernel. */
export function tapPlace(tap: number, [, height, width]: Geometry['kernel']): readonly [number, number, number] {
  return [Math.floor(tap / (height * width)), Math.floor(tap / width) % height, tap % width];
}

/** Offsets from the first to the last, which taps along one axis meet. */
export interface Reach {
  /** Offsets met by each tap, in a gradient to the input one or two. */
  readonly met: readonly (readonly number[])[];
  readonly first: number;
  readonly last: number;
  readonly count: number;
}

function reach(met: readonly (readonly number[])[]): Reach {
  const [first, last] = [Math.min(...met.flat()), Math.max(...met.flat())];
  return { met, first, last, count: last - first + 1 };
}

/** Low-resolution voxels met by every tap from a result voxel of the given parity, relative to that voxel's own. */
export function coarseMet({ kernel, upsample }: Geometry, axis: 1 | 2, parity: number): Reach {
  const pad = (kernel[axis] - 1) / 2;
  return reach(range(kernel[axis]).map(tap => [Math.floor((parity + tap - pad) / upsample[axis])]));
}

/** Fine voxels of one parity that meet a low-resolution voxel through every tap, relative to its own. */
export function fineMet({ kernel, upsample }: Geometry, axis: 1 | 2, parity: number): Reach {
  const pad = (kernel[axis] - 1) / 2;
  return reach(
    range(kernel[axis]).map(tap =>
      range(upsample[axis])
        .map(choice => (pad - tap + choice - parity) / upsample[axis])
        .filter(offset => Number.isInteger(offset)),
    ),
  );
}

/** Zeros around a plane: top, left, bottom, right. */
export type Pads = readonly [number, number, number, number];

/** Zeros around an image whose neighbours are met from first to last. */
export function padsOf(height: Reach, width: Reach): Pads {
  return [-height.first, -width.first, height.last, width.last];
}

/**
 * Splits a fine image by the parities of height and width: images at the low resolution, in the order of
 * {@link paritiesOf}.
 */
export function splitParities(
  emit: Emitter,
  tensor: Emitted,
  { block }: Layout,
  { upsample: [, byHeight, byWidth] }: Geometry,
): readonly Emitted[] {
  const [rows, lanes, height, width] = tensor.shape as readonly [number, number, number, number];
  const [h, w] = [height / byHeight, width / byWidth];
  const blocks = (rows * lanes) / block;
  const part = (image: Emitted, parts: number, run: number): readonly Emitted[] =>
    emit.split(
      emit.reshape(image, [elementCount(image.shape) / (parts * run), parts * run]),
      1,
      range(parts).fill(run),
    );
  const columns = part(tensor, byWidth, block).map(column => {
    const image = emit.reshape(column, [blocks * height, w * block]);
    return part(image, byHeight, w * block);
  });
  return range(byHeight).flatMap(ph => columns.map(lines => emit.reshape(lines[ph] as Emitted, [rows, lanes, h, w])));
}

/** The inverse of {@link splitParities}. */
export function mergeParities(
  emit: Emitter,
  parts: readonly Emitted[],
  { block }: Layout,
  { upsample: [, byHeight, byWidth] }: Geometry,
): Emitted {
  const [rows, lanes, h, w] = (parts[0] as Emitted).shape as readonly [number, number, number, number];
  const blocks = (rows * lanes) / block;
  const lines = range(byHeight).map(ph => {
    const pair = parts.slice(byWidth * ph, byWidth * (ph + 1)).map(part => emit.reshape(part, [blocks * h * w, block]));
    return emit.reshape(emit.concat(pair, 1), [blocks * h, byWidth * w * block]);
  });
  return emit.reshape(emit.concat(lines, 1), [rows, lanes, byHeight * h, byWidth * w]);
}

/** Layouts of a convolution's result and of its input. */
export interface Scales {
  readonly fine: Layout;
  readonly coarse: Layout;
}
