/**
 * Cubic B-spline interpolation along one axis: a recursive filter finds the coefficients of the spline through the
 * voxels, four of which make each new value. Beyond its ends a line continues as its mirror image, edge voxel repeated
 * (`d c b a | a b c d | d c b a`).
 * Source: Unser, Aldroubi, Eden, B-spline signal processing, IEEE Trans. Signal Processing 41(2), 1993, part II. It is
 * the interpolation of scipy.ndimage.zoom(order=3, mode='reflect', grid_mode=True), whose filter is less exact for
 * lines of a few voxels.
 */
import type { AxisView } from './linear.ts';

/** Pole of the recursive filter: the root of z^2 + 4 z + 1 inside the unit circle. */
export const POLE = Math.sqrt(3) - 2;
/** Gain of the filter: (1 - POLE) * (1 - 1 / POLE). */
export const GAIN = 6;
/** Number of lines that are filtered together, so that neighbours in memory are read together. */
export const LINES = 64;

/** Contribution of each voxel to the first value of the filter, from the mirror images before the start of the line. */
function startWeights(length: number): Float64Array {
  const period = 1 - POLE ** (2 * length);
  return Float64Array.from({ length }, (_, i) => (POLE ** (i + 1) + POLE ** (2 * length - i)) / period);
}

/** Voxels to coefficients, in place; one line per column of a block [length, lines]. */
function filterBlock(block: Float64Array, lines: number, start: Float64Array): void {
  const { length } = start;
  for (let line = 0; line < lines; line++) {
    let sum = 0;
    for (let i = 0; i < length; i++) sum += start[i]! * block[i * lines + line]!;
    block[line]! += sum;
  }
  for (let at = lines; at < length * lines; at++) block[at]! += POLE * block[at - lines]!;
  const last = (length - 1) * lines;
  for (let at = last; at < last + lines; at++) block[at]! *= POLE / (POLE - 1);
  for (let at = last - 1; at >= 0; at--) block[at] = POLE * (block[at + lines]! - block[at]!);
}

/** Index of a voxel of the line that goes on as its mirror image. */
function mirrored(index: number, length: number): number {
  const within = ((index % (2 * length)) + 2 * length) % (2 * length);
  return within < length ? within : 2 * length - 1 - within;
}

/** The cubic B-spline at the four voxels around a place, t behind the second of them. */
export function splineValues(t: number): readonly [number, number, number, number] {
  const s = 1 - t;
  return [s ** 3 / 6, 2 / 3 - t * t * (1 - t / 2), 2 / 3 - s * s * (1 - s / 2), t ** 3 / 6];
}

/** For each new voxel its four coefficients, and the cubic B-spline's values there. */
interface Taps {
  readonly indices: Int32Array;
  readonly weights: Float64Array;
}

function tapsOf(length: number, newLength: number): Taps {
  const indices = new Int32Array(4 * newLength);
  const weights = new Float64Array(4 * newLength);
  for (let j = 0; j < newLength; j++) {
    const position = ((j + 0.5) * length) / newLength - 0.5;
    const lower = Math.floor(position);
    splineValues(position - lower).forEach((value, tap) => {
      indices[4 * j + tap] = mirrored(lower - 1 + tap, length);
      weights[4 * j + tap] = GAIN * value;
    });
  }
  return { indices, weights };
}

/** Where the lines from `first` on begin in an array with another number of voxels per line. */
export function lineStarts({ outer, inner }: AxisView, length: number, first: number): Int32Array {
  return Int32Array.from({ length: Math.min(LINES, outer * inner - first) }, (_, line) => {
    const [o, within] = [Math.floor((first + line) / inner), (first + line) % inner];
    return o * length * inner + within;
  });
}

/** Cubic B-spline interpolation along one axis; may overshoot the values of its input. */
export function interpolateAxisCubic(data: Float32Array, view: AxisView, newLength: number): Float32Array {
  const { outer, length, inner } = view;
  const result = new Float32Array(outer * newLength * inner);
  const start = startWeights(length);
  const { indices, weights } = tapsOf(length, newLength);
  const block = new Float64Array(length * LINES);
  for (let first = 0; first < outer * inner; first += LINES) {
    const lines = Math.min(LINES, outer * inner - first);
    const [from, to] = [lineStarts(view, length, first), lineStarts(view, newLength, first)];
    for (let i = 0; i < length; i++) {
      for (let line = 0; line < lines; line++) block[i * lines + line] = data[from[line]! + i * inner]!;
    }
    filterBlock(block, lines, start);
    for (let j = 0; j < newLength; j++) {
      for (let line = 0; line < lines; line++) {
        let value = 0;
        for (let tap = 4 * j; tap < 4 * j + 4; tap++) value += weights[tap]! * block[indices[tap]! * lines + line]!;
        result[to[line]! + j * inner] = value;
      }
    }
  }
  return result;
}
