/**
 * Exact Euclidean distances to a set of voxels on an anisotropic grid, separable over the axes: integer distances along
 * z by two sweeps, then lower envelopes of parabolas along y and x. Only slices and rows that hold a voxel whose
 * distance is asked for are finished. Working memory is 2 bytes per voxel and a few slices.
 * Source: Felzenszwalb and Huttenlocher, Distance Transforms of Sampled Functions, Theory of Computing 8 (2012).
 */
import type { Xyz } from '../volume/volume.ts';

/** A box of voxels, x fastest, each with bits that say which sets it belongs to. */
export interface BitBox {
  readonly size: Xyz;
  readonly bits: Uint8Array;
}

/** Extra elements per row of a slice, so that walking down a column does not hit the same cache set every time. */
const ROW_PADDING = 9;

/**
 * Distances in mm from every voxel with bit `from` to the nearest voxel with bit `to`.
 * @param distances takes them, in the order of the voxels
 */
export function transformDistances(
  { size, bits }: BitBox,
  spacingMm: Xyz,
  { from, to, distances }: { readonly from: number; readonly to: number; readonly distances: Float64Array },
): void {
  const [nx, ny, nz] = size;
  const slice = nx * ny;
  const alongZ = stepsAlongZ({ size, bits }, to);
  const squaredMm = Float64Array.from({ length: nz + 1 }, (_, steps) => (steps * spacingMm[2]) ** 2);
  squaredMm[nz] = Number.POSITIVE_INFINITY;
  const stride = nx + ROW_PADDING;
  const squared = new Float64Array(ny * stride);
  const scratch = envelope(Math.max(nx, ny));
  const columns: Line = { length: ny, step: stride, spacingMm: spacingMm[1], limit: Number.MAX_VALUE };
  for (let z = 0, found = 0; z < nz; z++) {
    const inSlice = bits.subarray(z * slice, (z + 1) * slice);
    if (!hasBit(inSlice, from)) continue;
    for (let y = 0, i = z * slice; y < ny; y++) {
      for (let x = 0, o = y * stride; x < nx; x++, i++, o++) squared[o] = squaredMm[alongZ[i]!]!;
    }
    for (let x = 0; x < nx; x++) lowerEnvelope(squared, x, columns, scratch);
    for (let y = 0; y < ny; y++) {
      const bitsOfRow = inSlice.subarray(y * nx, (y + 1) * nx);
      const limit = largestMarked(bitsOfRow, from, squared.subarray(y * stride));
      if (limit < 0) continue;
      const row: Line = { length: nx, step: 1, spacingMm: spacingMm[0], limit: Math.min(limit, Number.MAX_VALUE) };
      lowerEnvelope(squared, y * stride, row, scratch);
      found = takeRoots(bitsOfRow, from, squared.subarray(y * stride), { distances, found });
    }
  }
}

/** Appends the square roots of the values beside voxels with the bit. @returns how many distances there are then */
function takeRoots(
  bits: Uint8Array,
  bit: number,
  squared: Float64Array,
  { distances, found }: { readonly distances: Float64Array; readonly found: number },
): number {
  let next = found;
  for (let i = 0; i < bits.length; i++) if ((bits[i]! & bit) !== 0) distances[next++] = Math.sqrt(squared[i]!);
  return next;
}

/** The largest value beside a voxel with the bit, -1 where no voxel has it. */
function largestMarked(bits: Uint8Array, bit: number, values: Float64Array): number {
  let largest = -1;
  for (let i = 0; i < bits.length; i++) if ((bits[i]! & bit) !== 0 && values[i]! > largest) largest = values[i]!;
  return largest;
}

function hasBit(bits: Uint8Array, bit: number): boolean {
  for (let i = 0; i < bits.length; i++) if ((bits[i]! & bit) !== 0) return true;
  return false;
}

/** Steps along z to the nearest voxel with the bit, the size of z where its line has none. */
function stepsAlongZ({ size, bits }: BitBox, bit: number): Uint16Array {
  const none = size[2];
  const slice = size[0] * size[1];
  const steps = new Uint16Array(bits.length);
  for (let i = 0; i < slice; i++) steps[i] = (bits[i]! & bit) !== 0 ? 0 : none;
  for (let i = slice; i < bits.length; i++) {
    steps[i] = (bits[i]! & bit) !== 0 ? 0 : Math.min(steps[i - slice]! + 1, none);
  }
  for (let i = bits.length - slice - 1; i >= 0; i--) {
    const after = steps[i + slice]! + 1;
    if (after < steps[i]!) steps[i] = after;
  }
  return steps;
}

/** Working memory of {@link lowerEnvelope}: the parabolas of the envelope, in the order of their vertices. */
interface Envelope {
  readonly vertex: Int32Array;
  readonly height: Float64Array;
  /** Where each parabola takes over from the one before it. */
  readonly begin: Float64Array;
}

function envelope(longestLine: number): Envelope {
  return {
    vertex: new Int32Array(longestLine),
    height: new Float64Array(longestLine),
    begin: new Float64Array(longestLine + 1),
  };
}

interface Line {
  readonly length: number;
  /** Elements from one voxel of the line to the next. */
  readonly step: number;
  readonly spacingMm: number;
  /** Finite; higher parabolas (and infinite ones) are left out: they cannot decide any value that is asked for. */
  readonly limit: number;
}

/**
 * Replaces f(u) along a line by min over v of f(v) + (spacing (u - v))^2, in O(length); a line of infinities stays as
 * it is.
 */
function lowerEnvelope(f: Float64Array, first: number, line: Line, { vertex, height, begin }: Envelope): void {
  const { length, step, limit } = line;
  const weight = line.spacingMm * line.spacingMm;
  let top = -1;
  for (let v = 0, i = first; v < length; v++, i += step) {
    const h = f[i]!;
    if (h > limit) continue;
    let from = Number.NEGATIVE_INFINITY;
    while (top >= 0) {
      const before = vertex[top]!;
      from = ((h - height[top]!) / (weight * (v - before)) + v + before) / 2;
      if (from > begin[top]!) break;
      from = Number.NEGATIVE_INFINITY;
      top--;
    }
    top++;
    vertex[top] = v;
    height[top] = h;
    begin[top] = from;
  }
  if (top < 0) return;
  begin[top + 1] = Number.POSITIVE_INFINITY;
  for (let u = 0, i = first, k = 0; u < length; u++, i += step) {
    while (begin[k + 1]! <= u) k++;
    const offset = u - vertex[k]!;
    f[i] = height[k]! + weight * offset * offset;
  }
}
