/**
 * The orientation of a grid in the world, and conversion of volumes to axes that run right, anterior, superior (RAS+),
 * as near as possible. Only the order and direction of the axes change: voxels are moved, never mixed, so the way back
 * is exact.
 */
import { AXES, type Axis, mapAxes } from '../core/axes.ts';
import {
  type Affine,
  createLabelsLike,
  type Grid,
  type LabelArray,
  type LabelVolume,
  type Volume,
  voxelCount,
  type Xyz,
} from './volume.ts';

/** Canonical axis k runs along the stored axis `axes[k]`, against it where `reversed[k]`. */
interface Orientation {
  readonly axes: readonly [Axis, Axis, Axis];
  readonly reversed: readonly [boolean, boolean, boolean];
}

/** A grid in other axes, by indices into the stored voxels: x, y, z is at offset + x * strides[0] + ... */
interface StridedGrid extends Grid {
  readonly offset: number;
  readonly strides: Xyz;
}

const PERMUTATIONS = [
  [0, 1, 2],
  [0, 2, 1],
  [1, 0, 2],
  [1, 2, 0],
  [2, 0, 1],
  [2, 1, 0],
] as const;
const TOWARDS = ['R', 'A', 'S'] as const;
const AWAY = ['L', 'P', 'I'] as const;

/** Cosine between world axis `world` and stored axis `stored`. */
function cosine(affine: Affine, world: Axis, stored: Axis): number {
  const at = (row: Axis): number => affine[row * 4 + stored] ?? 0;
  return at(world) / Math.hypot(at(0), at(1), at(2));
}

/**
 * The orientation of a grid: of all ways to pair its axes with those of the world, the one with the largest sum of
 * absolute cosines. For rotations of less than 45 degrees from the nearest of them this is nibabel's
 * `as_closest_canonical`.
 * @param affine with columns that are not 0
 */
function orientationOf(affine: Affine): Orientation {
  const alignment = (axes: Orientation['axes']): number =>
    mapAxes(world => Math.abs(cosine(affine, world, axes[world]))).reduce((sum, value) => sum + value);
  const axes = PERMUTATIONS.reduce((best, next) => (alignment(next) > alignment(best) + 1e-9 ? next : best));
  return { axes, reversed: mapAxes(world => cosine(affine, world, axes[world]) < 0) };
}

/** Directions of the stored axes, for example `LPS`: as nibabel's `aff2axcodes`. */
export function orientationCode(affine: Affine): string {
  const { axes, reversed } = orientationOf(affine);
  return mapAxes(stored => {
    const world = axes.indexOf(stored) as Axis;
    return (reversed[world] ? AWAY : TOWARDS)[world];
  }).join('');
}

function isStored({ axes, reversed }: Orientation): boolean {
  return axes.every((axis, index) => axis === index) && !reversed.includes(true);
}

function stridedGrid({ sizeVoxels, spacingMm, affine }: Grid, { axes, reversed }: Orientation): StridedGrid {
  const stored: Xyz = [1, sizeVoxels[0], sizeVoxels[0] * sizeVoxels[1]];
  const turned = [...affine];
  let offset = 0;
  for (const world of AXES) {
    const axis = axes[world];
    const last = sizeVoxels[axis] - 1;
    if (reversed[world]) offset += last * stored[axis];
    for (const row of AXES) {
      const step = affine[row * 4 + axis] ?? 0;
      turned[row * 4 + world] = reversed[world] ? 0 - step : step;
      if (reversed[world]) turned[row * 4 + 3] = (turned[row * 4 + 3] ?? 0) + step * last;
    }
  }
  return {
    sizeVoxels: mapAxes(world => sizeVoxels[axes[world]]),
    spacingMm: mapAxes(world => spacingMm[axes[world]]),
    affine: turned,
    offset,
    strides: mapAxes(world => (reversed[world] ? -stored[axes[world]] : stored[axes[world]])),
  };
}

/** Copies the voxels of one channel into the order of a strided grid. */
function gather<T extends Float32Array | LabelArray>(
  from: T,
  { sizeVoxels, strides, offset }: StridedGrid,
  to: T,
): void {
  const [width, height, depth] = sizeVoxels;
  const [alongX, alongY, alongZ] = strides;
  let index = 0;
  for (let z = 0; z < depth; z++) {
    for (let y = 0; y < height; y++) {
      let at = offset + z * alongZ + y * alongY;
      for (let x = 0; x < width; x++, at += alongX) to[index++] = from[at]!;
    }
  }
}

/** The grid that {@link toCanonical} gives a volume, without moving a voxel. */
export function canonicalGrid(grid: Grid): Grid {
  const { sizeVoxels, spacingMm, affine } = stridedGrid(grid, orientationOf(grid.affine));
  return { sizeVoxels, spacingMm, affine };
}

/**
 * A volume in canonical axes.
 * @returns the volume itself if its axes are canonical
 */
export function toCanonical(volume: Volume): Volume {
  const orientation = orientationOf(volume.affine);
  if (isStored(orientation)) return volume;
  const grid = stridedGrid(volume, orientation);
  const { sizeVoxels, spacingMm, affine } = grid;
  const data = new Float32Array(volume.data.length);
  const voxels = voxelCount(sizeVoxels);
  for (let start = 0; start < data.length; start += voxels) {
    gather(volume.data.subarray(start, start + voxels), grid, data.subarray(start, start + voxels));
  }
  return { data, sizeVoxels, channels: volume.channels, spacingMm, affine };
}

/**
 * Labels in the axes that {@link toCanonical} gives the image on their grid.
 * @param image image whose affine is used, since that of its labels may differ by rounding
 */
export function labelsToCanonical(labels: LabelVolume, image: Pick<Volume, 'affine'>): LabelVolume {
  const orientation = orientationOf(image.affine);
  if (isStored(orientation)) return labels;
  const grid = stridedGrid(labels, orientation);
  const { sizeVoxels, spacingMm, affine } = grid;
  const data = createLabelsLike(labels.data, labels.data.length);
  gather(labels.data, grid, data);
  return { ...labels, data, sizeVoxels, spacingMm, affine };
}

/**
 * Indices of the voxels of the canonical slices in the stored volume.
 * @returns for a z of the canonical grid the index of each voxel of its slice, x fastest; the same array at each call
 */
export function canonicalSliceIndices(volume: Grid): (z: number) => Int32Array {
  const { sizeVoxels, strides, offset } = stridedGrid(volume, orientationOf(volume.affine));
  return sliceIndices({ sizeVoxels, strides, offset });
}

/** Indices of the voxels of the stored slices. */
export function storedSliceIndices({ sizeVoxels }: Grid): (z: number) => Int32Array {
  return sliceIndices({ sizeVoxels, strides: [1, sizeVoxels[0], sizeVoxels[0] * sizeVoxels[1]], offset: 0 });
}

function sliceIndices({ sizeVoxels, strides, offset }: Omit<StridedGrid, 'spacingMm' | 'affine'>) {
  const [width, height] = sizeVoxels;
  const indices = new Int32Array(width * height);
  return (z: number): Int32Array => {
    let index = 0;
    for (let y = 0; y < height; y++) {
      let at = offset + z * strides[2] + y * strides[1];
      for (let x = 0; x < width; x++, at += strides[0]) indices[index++] = at;
    }
    return indices;
  };
}
