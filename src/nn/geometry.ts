/**
 * The sizes that a network accepts and the sizes of its results, one axis at a time. A network is symmetric about the
 * centre of its input: with valid padding its result is the middle of the input, the same number of voxels away
 * from either end.
 */
import { type Axis, mapAxes, xyz } from '../core/axes.ts';
import { InputError } from '../core/errors.ts';
import { range, type Triple } from '../core/shape.ts';

/** `same`: zeros around every convolution keep the size. `valid`: results only where the whole kernel covers voxels. */
export type Padding = 'same' | 'valid';

export interface Geometry {
  /** 1 + sum of (taps - 1) * voxels per tap over the convolutions of the longest path, D, H, W. */
  readonly fieldOfView: Triple;
  /**
   * Length of the result along an axis for an input of `length` voxels; undefined if the network cannot take that
   * length.
   */
  readonly outputLength: (length: number, axis: Axis) => number | undefined;
}

/** A legal length of a network's input, and the length of its result. */
export interface LegalLength {
  readonly input: number;
  readonly output: number;
}

/** Number of lengths on either side of a length that are searched for a legal one. */
const SEARCHED_VOXELS = 4096;

/** Every legal length of an axis from `from` to `to`, ascending. */
export function legalLengths(
  { outputLength }: Geometry,
  axis: Axis,
  { from, to }: { readonly from: number; readonly to: number },
): readonly LegalLength[] {
  return range(to - from + 1).flatMap(offset => {
    const output = outputLength(from + offset, axis);
    return output === undefined ? [] : [{ input: from + offset, output }];
  });
}

/** The nearest legal lengths at or below and at or above a length; undefined if there is none in reach. */
function nearestLengths(
  { outputLength }: Geometry,
  length: number,
  axis: Axis,
): readonly [number | undefined, number | undefined] {
  const find = (step: 1 | -1): number | undefined => {
    for (let offset = 0; offset <= SEARCHED_VOXELS; offset++) {
      const candidate = length + step * offset;
      if (candidate < 1) return undefined;
      if (outputLength(candidate, axis) !== undefined) return candidate;
    }
    return undefined;
  };
  return [find(-1), find(1)];
}

/**
 * The largest legal sizes within a size and the smallest that hold it, D, H, W; an axis without a legal size on one
 * side uses that of the other side. Empty where no size in reach is legal.
 */
export function nearestSizes(geometry: Geometry, size: Triple): readonly Triple[] {
  const found = mapAxes(axis => nearestLengths(geometry, size[axis], axis));
  const sizes = [0, 1].map(side => mapAxes(axis => found[axis][side as 0 | 1] ?? found[axis][side === 0 ? 1 : 0]));
  const whole = sizes.filter((candidate): candidate is Triple => candidate.every(length => length !== undefined));
  return whole.filter((candidate, index) => index === 0 || String(candidate) !== String(whole[0]));
}

/** `40x56x40`, x y z, of a size D, H, W. */
function formatXyz(size: Triple): string {
  return xyz(size).join('x');
}

/**
 * Size of a network's result.
 * @param size input, D, H, W
 * @throws {InputError} E_PATCH_SIZE naming the nearest sizes that work
 */
export function outputSize(geometry: Geometry, size: Triple): Triple {
  const result = mapAxes(axis => geometry.outputLength(size[axis], axis));
  if (result.every(length => length !== undefined)) return result as Triple;
  throw new InputError(
    'E_PATCH_SIZE',
    `the network cannot take a patch of ${formatXyz(size)} voxels (x, y, z). ${sizeAdvice(geometry, size)}`,
  );
}

/** Advice for an illegal size: what to set instead. */
function sizeAdvice(geometry: Geometry, size: Triple): string {
  const nearest = nearestSizes(geometry, size).map(formatXyz);
  if (nearest.length === 0) return 'No size near it works; use fewer levels or smaller kernels';
  return `Set patch.size to ${nearest.join(' or ')}`;
}

/**
 * The sizes that two networks both accept, if the result of one lies in the middle of the other; the result is the part
 * that both cover.
 */
export function jointGeometry(first: Geometry, second: Geometry): Geometry {
  return {
    fieldOfView: mapAxes(axis => Math.max(first.fieldOfView[axis], second.fieldOfView[axis])),
    outputLength: (length, axis) => {
      const [left, right] = [first.outputLength(length, axis), second.outputLength(length, axis)];
      if (left === undefined || right === undefined || (left - right) % 2 !== 0) return undefined;
      return Math.min(left, right);
    },
  };
}

/** Number of voxels by which valid convolutions shorten a length. */
export function reach(kernels: readonly Triple[], axis: Axis): number {
  return kernels.reduce((sum, kernel) => sum + kernel[axis] - 1, 0);
}
