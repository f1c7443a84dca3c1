/** Checks whether two volumes are on one grid: the same number of voxels at the same positions in the world. */
import { mapAxes } from '../core/axes.ts';
import { InputError } from '../core/errors.ts';
import type { VolumeWarning } from './geometry.ts';
import { type Affine, formatSize, type Xyz } from './volume.ts';

/** The grid of a volume, and the file that it came from. */
export interface PlacedGrid {
  readonly path: string;
  readonly sizeVoxels: Xyz;
  readonly spacingMm: Xyz;
  readonly affine: Affine;
  /** Whether its position is known, as in a volume. */
  readonly isPlaced?: false;
}

/** Fraction of a voxel edge below which a shift is not reported. */
const EQUAL_VOXELS = 1e-3;
/** Fraction of a voxel edge up to which a shift counts as rounding of headers; beyond it, labels are displaced. */
const ROUNDING_VOXELS = 0.1;

/** Largest distance between the places that two affines give a corner of a grid, millimetres. */
function cornerShiftMm(left: PlacedGrid, right: PlacedGrid): number {
  const [width, height, depth] = left.sizeVoxels;
  let largest = 0;
  for (let corner = 0; corner < 8; corner++) {
    const voxel = [corner & 1 ? width - 1 : 0, corner & 2 ? height - 1 : 0, corner & 4 ? depth - 1 : 0, 1];
    const along = mapAxes(row =>
      voxel.reduce((sum, index, k) => sum + (left.affine[row * 4 + k]! - right.affine[row * 4 + k]!) * index, 0),
    );
    largest = Math.max(largest, Math.hypot(...along));
  }
  return largest;
}

/** Whether the affines of two files can be compared: an assumed affine cannot, and it already has its own warning. */
export function areComparable(first: Pick<PlacedGrid, 'isPlaced'>, other: Pick<PlacedGrid, 'isPlaced'>): boolean {
  return first.isPlaced !== false && other.isPlaced !== false;
}

/**
 * Checks that two files of a case are on one grid. If one of them does not state its position, only their sizes are
 * compared.
 * @returns W_GEOMETRY_ROUNDING if they are apart by less than a tenth of the smallest voxel edge, as headers round
 * @throws {InputError} E_SHAPE_MISMATCH, E_GEOMETRY_MISMATCH; both name both files
 */
export function assertSameGrid(first: PlacedGrid, other: PlacedGrid): readonly VolumeWarning[] {
  if (!first.sizeVoxels.every((size, axis) => size === other.sizeVoxels[axis])) {
    throw new InputError(
      'E_SHAPE_MISMATCH',
      `${other.path} has ${formatSize(other.sizeVoxels)} voxels, but ${first.path} has ${formatSize(first.sizeVoxels)}. ` +
        'The files of a case must share one grid; resample one to the other.',
    );
  }
  if (!areComparable(first, other)) return [];
  const shiftMm = cornerShiftMm(first, other);
  const edgeMm = Math.min(...first.spacingMm);
  if (shiftMm <= EQUAL_VOXELS * edgeMm) return [];
  const apart = `${other.path} and ${first.path} are up to ${Number(shiftMm.toPrecision(3))} mm apart`;
  if (shiftMm <= ROUNDING_VOXELS * edgeMm) {
    const message = `${apart} by their affines, less than the rounding of a voxel; the affine of the first is used.`;
    return [{ code: 'W_GEOMETRY_ROUNDING', message }];
  }
  throw new InputError(
    'E_GEOMETRY_MISMATCH',
    `${apart}: their affines differ. The files of a case must share one grid; correct a wrong header, or resample one to the other.`,
  );
}
