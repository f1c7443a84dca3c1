/**
 * Distances between the surfaces of two masks on an anisotropic grid, in millimetres: HD95, ASSD and surface Dice.
 *
 * A surface voxel is a mask voxel with a background voxel among its six face neighbours; outside of the image counts as
 * background. Distances run between voxel centres and are exact: those to a near surface are found by search, the
 * others by a distance transform. Everything happens inside the bounding box of the union, where no nearest surface
 * voxel can be missed.
 */
import { ShapeError } from '../core/errors.ts';
import { percentile } from '../core/percentile.ts';
import { type LabelArray, voxelCount, type Xyz } from '../volume/volume.ts';
import { type BitBox, transformDistances } from './distance-transform.ts';
import { searchNear } from './near-search.ts';

/** Distances between two surfaces. */
export interface SurfaceDistance {
  /**
   * The larger of the two directed 95th percentiles, each interpolated linearly as `numpy.percentile` does (the
   * convention of MONAI). MedPy takes the percentile of both directions pooled, which lies between the two, so its
   * values are not comparable. Infinity if one mask is empty, NaN if both are.
   */
  readonly hd95Mm: number;
  /**
   * Average symmetric surface distance: sum of the distances in both directions over their number. Infinity or NaN as
   * above.
   */
  readonly assdMm: number;
  /**
   * Fraction of the surface voxels of both masks within the tolerance of the other surface; 0 if one mask is empty, NaN
   * if both are.
   */
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

/**
 * Margin of the tolerance in mm, so that rounding of the spacing (stored as float32 in NIfTI) does not decide whether a
 * distance equal to the tolerance counts.
 */
const TOLERANCE_SLACK_MM = 1e-6;

/** Bits of a voxel in the bounding box of both masks. */
const IN_REFERENCE = 1;
const IN_PREDICTION = 2;
const SURFACE_OF_REFERENCE = 4;
const SURFACE_OF_PREDICTION = 8;
/** Among the surface voxels that distances are measured from: those whose nearest one is not near. */
const FAR = 16;

/**
 * HD95, ASSD and surface Dice of one class of two label volumes.
 * @param reference label value per voxel, x fastest
 * @param prediction same grid
 * @throws {ShapeError} if a volume is not of the stated size
 */
export function surfaceDistance(
  reference: LabelArray,
  prediction: LabelArray,
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
  const box = markSurfaces({ reference, prediction, sizeVoxels, value: options.value ?? 1 });
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
    hd95Mm: Math.max(percentile(toPrediction, 95), percentile(toReference, 95)),
    assdMm: sum / count,
    surfaceDice: within / count,
  };
}

/** Two masks on one grid, as voxels that have the value. */
interface Masks {
  readonly reference: LabelArray;
  readonly prediction: LabelArray;
  readonly sizeVoxels: Xyz;
  readonly value: number;
}

/** Voxels from the first to the last, both within. */
interface Bounds {
  readonly low: Xyz;
  readonly high: Xyz;
}

/** First and last voxel of a row of the grid that is in either mask; -1 and -1 where none is. */
function extentOfRow(
  { reference, prediction, value }: Masks,
  start: number,
  length: number,
): readonly [number, number] {
  let [first, last] = [-1, -1];
  for (let x = 0, i = start; x < length; x++, i++) {
    if (reference[i] !== value && prediction[i] !== value) continue;
    if (first < 0) first = x;
    last = x;
  }
  return [first, last];
}

/** The bounding box of the union; undefined where both masks are empty. */
function boundsOfUnion(masks: Masks): Bounds | undefined {
  const [nx, ny, nz] = masks.sizeVoxels;
  const low = [nx, ny, nz] as [number, number, number];
  const high = [-1, -1, -1] as [number, number, number];
  for (let z = 0; z < nz; z++) {
    for (let y = 0; y < ny; y++) {
      const [first, last] = extentOfRow(masks, (z * ny + y) * nx, nx);
      if (first < 0) continue;
      low[0] = Math.min(low[0], first);
      high[0] = Math.max(high[0], last);
      low[1] = Math.min(low[1], y);
      high[1] = Math.max(high[1], y);
      low[2] = Math.min(low[2], z);
      high[2] = z;
    }
  }
  return high[0] < 0 ? undefined : { low, high };
}

/** Cuts out the union's bounding box and marks the surfaces; undefined where both masks are empty. */
function markSurfaces(masks: Masks): BitBox | undefined {
  const { reference, prediction, sizeVoxels, value } = masks;
  const bounds = boundsOfUnion(masks);
  if (bounds === undefined) return undefined;
  const { low, high } = bounds;
  const [nx, ny] = sizeVoxels;
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

/**
 * A mask voxel is on the surface unless all six face neighbours are in the mask; the bits move up from mask to surface
 * by two.
 */
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

/**
 * Distance in mm of every voxel with bit `from` to the nearest voxel with bit `to`, in no order; empty where either has
 * no voxel.
 */
function directedDistances(
  box: BitBox,
  spacingMm: Xyz,
  { from, to }: { readonly from: number; readonly to: number },
): Float64Array {
  const { bits } = box;
  if (countBits(bits, to) === 0) return new Float64Array(0);
  const distances = new Float64Array(countBits(bits, from));
  const near = searchNear(box, spacingMm, { from, to, far: FAR, distances });
  if (near < distances.length) {
    transformDistances(box, spacingMm, { from: FAR, to, distances: distances.subarray(near) });
    for (let i = 0; i < bits.length; i++) bits[i]! &= ~FAR;
  }
  return distances;
}

function countBits(bits: Uint8Array, bit: number): number {
  let count = 0;
  for (let i = 0; i < bits.length; i++) if ((bits[i]! & bit) !== 0) count++;
  return count;
}
