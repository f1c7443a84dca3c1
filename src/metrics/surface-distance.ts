/**
 * Distances between the surfaces of two masks on an anisotropic grid, in millimetres: HD95, ASSD and surface Dice.
 *
 * A surface voxel is a mask voxel with a background voxel among its six face neighbours; outside of the image counts as background.
 * Distances run between voxel centres. They come from an exact Euclidean distance transform of each surface, separable over the axes
 * (Felzenszwalb and Huttenlocher, Distance Transforms of Sampled Functions, Theory of Computing 8, 2012): integer distances
 * along z by two sweeps, then lower envelopes of parabolas along y and x. Only slices and rows that hold a voxel of the other surface are
 * finished, and everything happens inside the bounding box of the union, where no nearest surface voxel can be missed. Working
 * memory is 3 bytes per voxel of the box and a few slices.
 */
import { ShapeError } from '../core/errors.ts';
import { voxelCount, type Xyz } from '../volume/volume.ts';
import { percentile } from './statistics.ts';

/** How far apart two surfaces are. */
export interface SurfaceDistance {
  /**
   * The larger of the two directed 95th percentiles, each interpolated linearly as `numpy.percentile` does (the convention of MONAI).
   * MedPy takes the percentile of both directions pooled, which lies between the two, so its values are not comparable.
   * Infinity where one mask is empty, NaN where both are.
   */
  readonly hd95Mm: number;
  /** Average symmetric surface distance: sum of the distances in both directions over their number. Infinity or NaN as above. */
  readonly assdMm: number;
  /** Share of the surface voxels of both masks within the tolerance of the other surface; 0 where one mask is empty, NaN where both are. */
  readonly surfaceDice: number;
}

export interface SurfaceDistanceOptions {
  readonly sizeVoxels: Xyz;
  readonly spacingMm: Xyz;
  /** The label value that makes the mask; 1 if not given. */
  readonly value?: number;
  /** Tolerance of the surface Dice; 1 mm if not given. */
  readonly toleranceMm?: number;
}

/** So that rounding of the spacing (stored as float32 in NIfTI) does not decide whether a distance equal to the tolerance counts. */
const TOLERANCE_SLACK_MM = 1e-6;

const IN_REFERENCE = 1;
const IN_PREDICTION = 2;
const SURFACE_OF_REFERENCE = 4;
const SURFACE_OF_PREDICTION = 8;
/** Extra elements per row of a slice, so that walking down a column does not hit the same cache set every time. */
const ROW_PADDING = 9;

/**
 * HD95, ASSD and surface Dice of one class of two label volumes.
 * @param reference label value per voxel, x fastest
 * @param prediction same grid
 * @throws {ShapeError} if a volume is not of the stated size
 */
export function surfaceDistance(
  reference: Uint8Array,
  prediction: Uint8Array,
  options: SurfaceDistanceOptions,
): SurfaceDistance {
  const { sizeVoxels, spacingMm, toleranceMm = 1 } = options;
  for (const [name, data] of [
    ['reference', reference],
    ['prediction', prediction],
  ] as const) {
    if (data.length !== voxelCount(sizeVoxels)) {
      throw new ShapeError(
        `${name} has ${data.length} voxels, a grid of ${sizeVoxels.join('x')} needs ${voxelCount(sizeVoxels)}`,
      );
    }
  }
  const box = markSurfaces(reference, prediction, { sizeVoxels, value: options.value ?? 1 });
  if (box === undefined) return { hd95Mm: Number.NaN, assdMm: Number.NaN, surfaceDice: Number.NaN };
  const toPrediction = directedDistances(box, spacingMm, { from: SURFACE_OF_REFERENCE, to: SURFACE_OF_PREDICTION });
  const toReference = directedDistances(box, spacingMm, { from: SURFACE_OF_PREDICTION, to: SURFACE_OF_REFERENCE });
  if (toPrediction.length === 0 || toReference.length === 0) {
    return { hd95Mm: Number.POSITIVE_INFINITY, assdMm: Number.POSITIVE_INFINITY, surfaceDice: 0 };
  }
  const count = toPrediction.length + toReference.length;
  let sum = 0;
  let within = 0;
  for (const distances of [toPrediction, toReference]) {
    for (const distance of distances) {
      sum += distance;
      if (distance <= toleranceMm + TOLERANCE_SLACK_MM) within++;
    }
  }
  return {
    hd95Mm: Math.max(percentile(toPrediction.sort(), 95), percentile(toReference.sort(), 95)),
    assdMm: sum / count,
    surfaceDice: within / count,
  };
}

/** The bounding box of both masks, with mask and surface bits per voxel, x fastest. */
interface SurfaceBox {
  readonly size: Xyz;
  readonly bits: Uint8Array;
}

/** Cuts out the union's bounding box and marks the surfaces; undefined where both masks are empty. */
function markSurfaces(
  reference: Uint8Array,
  prediction: Uint8Array,
  { sizeVoxels, value }: { readonly sizeVoxels: Xyz; readonly value: number },
): SurfaceBox | undefined {
  const [nx, ny, nz] = sizeVoxels;
  const low = [nx, ny, nz] as [number, number, number];
  const high = [-1, -1, -1] as [number, number, number];
  for (let z = 0, i = 0; z < nz; z++) {
    for (let y = 0; y < ny; y++) {
      let first = -1;
      let last = -1;
      for (let x = 0; x < nx; x++, i++) {
        if (reference[i] === value || prediction[i] === value) {
          if (first < 0) first = x;
          last = x;
        }
      }
      if (first < 0) continue;
      low[0] = Math.min(low[0], first);
      high[0] = Math.max(high[0], last);
      low[1] = Math.min(low[1], y);
      high[1] = Math.max(high[1], y);
      low[2] = Math.min(low[2], z);
      high[2] = z;
    }
  }
  if (high[0] < 0) return undefined;
  const size: Xyz = [high[0] - low[0] + 1, high[1] - low[1] + 1, high[2] - low[2] + 1];
  const bits = new Uint8Array(voxelCount(size));
  for (let z = 0, o = 0; z < size[2]; z++) {
    for (let y = 0; y < size[1]; y++) {
      let i = ((z + low[2]) * ny + y + low[1]) * nx + low[0];
      for (let x = 0; x < size[0]; x++, i++, o++) {
        bits[o] = (reference[i] === value ? IN_REFERENCE : 0) | (prediction[i] === value ? IN_PREDICTION : 0);
      }
    }
  }
  addSurfaceBits(bits, size);
  return { size, bits };
}

/** A mask voxel is on the surface unless all six face neighbours are in the mask; the bits move up from mask to surface by two. */
function addSurfaceBits(bits: Uint8Array, size: Xyz): void {
  const [nx, ny, nz] = size;
  const slice = nx * ny;
  for (let z = 0, i = 0; z < nz; z++) {
    for (let y = 0; y < ny; y++) {
      const innerRow = z > 0 && z < nz - 1 && y > 0 && y < ny - 1;
      for (let x = 0; x < nx; x++, i++) {
        const own = bits[i]!;
        if (own === 0) continue;
        const inside =
          innerRow && x > 0 && x < nx - 1
            ? bits[i - 1]! & bits[i + 1]! & bits[i - nx]! & bits[i + nx]! & bits[i - slice]! & bits[i + slice]!
            : 0;
        bits[i] = own | ((own & ~inside & (IN_REFERENCE | IN_PREDICTION)) << 2);
      }
    }
  }
}

/** Distance in mm of every voxel with bit `from` to the nearest voxel with bit `to`; empty where either has no voxel. */
function directedDistances(
  { size, bits }: SurfaceBox,
  spacingMm: Xyz,
  { from, to }: { readonly from: number; readonly to: number },
): Float64Array {
  const [nx, ny, nz] = size;
  const slice = nx * ny;
  const alongZ = stepsAlongZ({ size, bits }, to);
  if (alongZ === undefined) return new Float64Array(0);
  const distances = new Float64Array(countBits(bits, from));
  const squaredMm = Float64Array.from({ length: nz + 1 }, (_, steps) => (steps * spacingMm[2]) ** 2);
  squaredMm[nz] = Number.POSITIVE_INFINITY;
  const stride = nx + ROW_PADDING;
  const squared = new Float64Array(ny * stride);
  const scratch = envelope(Math.max(nx, ny));
  const columns: Line = { length: ny, step: stride, spacingMm: spacingMm[1], limit: Number.MAX_VALUE };
  for (let z = 0, found = 0; z < nz; z++) {
    const inSlice = bits.subarray(z * slice, (z + 1) * slice);
    if (!inSlice.some(voxel => (voxel & from) !== 0)) continue;
    for (let y = 0, i = z * slice; y < ny; y++) {
      for (let x = 0, o = y * stride; x < nx; x++, i++, o++) squared[o] = squaredMm[alongZ[i]!]!;
    }
    for (let x = 0; x < nx; x++) lowerEnvelope(squared, x, columns, scratch);
    for (let y = 0; y < ny; y++) {
      let limit = -1;
      for (let x = 0, i = y * nx, o = y * stride; x < nx; x++, i++, o++) {
        if ((inSlice[i]! & from) !== 0 && squared[o]! > limit) limit = squared[o]!;
      }
      if (limit < 0) continue;
      const row: Line = { length: nx, step: 1, spacingMm: spacingMm[0], limit: Math.min(limit, Number.MAX_VALUE) };
      lowerEnvelope(squared, y * stride, row, scratch);
      for (let x = 0, i = y * nx, o = y * stride; x < nx; x++, i++, o++) {
        if ((inSlice[i]! & from) !== 0) distances[found++] = Math.sqrt(squared[o]!);
      }
    }
  }
  return distances;
}

function countBits(bits: Uint8Array, bit: number): number {
  let count = 0;
  for (let i = 0; i < bits.length; i++) if ((bits[i]! & bit) !== 0) count++;
  return count;
}

/** Steps along z to the nearest voxel with the bit, the size of z where its line has none; undefined where no voxel has the bit. */
function stepsAlongZ({ size, bits }: SurfaceBox, bit: number): Uint16Array | undefined {
  const none = size[2];
  const slice = size[0] * size[1];
  const steps = new Uint16Array(bits.length);
  let found = false;
  for (let i = 0; i < slice; i++) steps[i] = (bits[i]! & bit) !== 0 ? 0 : none;
  for (let i = slice; i < bits.length; i++) {
    steps[i] = (bits[i]! & bit) !== 0 ? 0 : Math.min(steps[i - slice]! + 1, none);
  }
  for (let i = bits.length - slice - 1; i >= 0; i--) {
    const after = steps[i + slice]! + 1;
    if (after < steps[i]!) steps[i] = after;
  }
  for (let i = 0; i < slice && !found; i++) found = steps[i]! < none;
  return found ? steps : undefined;
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

/** Replaces f(u) along a line by min over v of f(v) + (spacing (u - v))^2, in O(length); a line of infinities stays as it is. */
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
