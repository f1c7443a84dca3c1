/**
 * Cubic B-spline interpolation along one axis that is continued by its edge voxel: repeated 12 times, then mirrored,
 * which does not affect the filter any more. It is the interpolation of scipy.ndimage.zoom(order=3, mode='nearest',
 * grid_mode=True), and so of skimage's resize(mode='edge'); spline.ts has another continuation. Source: as there, and
 * scipy 1.17, ni_splines.c (mirror boundary).
 */
import type { AxisView } from './linear.ts';
import { GAIN, LINES, lineStarts, POLE, splineValues } from './spline.ts';

/** Number of repeated voxels beyond an end. */
const EDGE = 12;

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
    firstTap[j] = EDGE + lower - 1;
    weights.set(splineValues(position - lower), 4 * j);
  }
  for (let first = 0; first < outer * inner; first += LINES) {
    const lines = Math.min(LINES, outer * inner - first);
    const [from, to] = [lineStarts(view, length, first), lineStarts(view, newLength, first)];
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
