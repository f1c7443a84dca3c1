/**
 * Cubic B-spline interpolation along one axis that is continued by its edge voxel: repeated 12 times, then mirrored,
 * which does not affect the filter any more. It is the interpolation of scipy.ndimage.zoom(order=3, mode='nearest',
 * grid_mode=True), and so of skimage's resize(mode='edge'); spline.ts has another continuation. Source: as there, and
 * scipy 1.17, ni_splines.c (mirror boundary).
 */
import type { AxisView } from './linear.ts';

/** Pole of the recursive filter: the root of z^2 + 4 z + 1 inside the unit circle. */
const POLE = Math.sqrt(3) - 2;
/** Gain of the filter: (1 - POLE) * (1 - 1 / POLE). */
const GAIN = 6;
/** Number of repeated voxels beyond an end. */
const EDGE = 12;
/** Number of lines that are filtered together, so that neighbours in memory are read together. */
const LINES = 64;

/** Voxels to coefficients, in place; one line per column of a block [length, LINES]. */
function filterBlock(block: Float64Array, length: number, lines: number): void {
  const last = (length - 1) * LINES;
  const around = POLE ** (length - 1);
  for (let line = 0; line < lines; line++) {
    let first = block[line]! + around * block[last + line]!;
    let weight = POLE;
    for (let i = 1; i < length - 1; i++) {
      first += weight * (block[i * LINES + line]! + around * block[(length - 1 - i) * LINES + line]!);
      weight *= POLE;
    }
    block[line] = first / (1 - around * around);
  }
  for (let at = LINES; at <= last + LINES - 1; at++) block[at]! += POLE * block[at - LINES]!;
  for (let at = last; at < last + lines; at++) {
    block[at] = ((POLE * block[at - LINES]! + block[at]!) * POLE) / (POLE * POLE - 1);
  }
  for (let at = last - 1; at >= 0; at--) block[at] = POLE * (block[at + LINES]! - block[at]!);
}

/**
 * Interpolates along one axis; may overshoot the values of its input.
 * @param newLength voxels over the same stretch, centres at (j + 1/2) length / newLength - 1/2
 */
export function interpolateAxisEdge(data: Float32Array, view: AxisView, newLength: number): Float32Array {
  const { outer, length, inner } = view;
  const result = new Float32Array(outer * newLength * inner);
  const padded = length + 2 * EDGE;
  const block = new Float64Array(padded * LINES);
  const firstTap = new Int32Array(newLength);
  const weights = new Float64Array(4 * newLength);
  for (let j = 0; j < newLength; j++) {
    const position = ((j + 0.5) * length) / newLength - 0.5;
    const lower = Math.floor(position);
    const t = position - lower;
    const s = 1 - t;
    firstTap[j] = EDGE + lower - 1;
    weights.set([s ** 3 / 6, 2 / 3 - t * t * (1 - t / 2), 2 / 3 - s * s * (1 - s / 2), t ** 3 / 6], 4 * j);
  }
  const [from, to] = [new Int32Array(LINES), new Int32Array(LINES)];
  for (let first = 0; first < outer * inner; first += LINES) {
    const lines = Math.min(LINES, outer * inner - first);
    for (let line = 0; line < lines; line++) {
      const o = Math.floor((first + line) / inner);
      const within = (first + line) % inner;
      from[line] = o * length * inner + within;
      to[line] = o * newLength * inner + within;
    }
    for (let i = 0; i < padded; i++) {
      const voxel = Math.min(length - 1, Math.max(0, i - EDGE)) * inner;
      for (let line = 0; line < lines; line++) block[i * LINES + line] = GAIN * data[from[line]! + voxel]!;
    }
    filterBlock(block, padded, lines);
    for (let j = 0; j < newLength; j++) {
      const [w0, w1, w2, w3] = weights.subarray(4 * j, 4 * j + 4) as unknown as [number, number, number, number];
      const tap = firstTap[j]! * LINES;
      for (let line = 0; line < lines; line++) {
        const at = tap + line;
        result[to[line]! + j * inner] =
          w0 * block[at]! + w1 * block[at + LINES]! + w2 * block[at + 2 * LINES]! + w3 * block[at + 3 * LINES]!;
      }
    }
  }
  return result;
}
