/**
 * Converts world coordinates of ITK and DICOM (L, P, S grow towards left, back and head) to RAS, and back. The first
 * two world axes change their sign, which is exact in floating point.
 */
import { AXES, type Axis } from '../core/axes.ts';
import type { Affine, Xyz } from './volume.ts';

/** Position of a grid in ITK's terms. */
export interface LpsGeometry {
  /** Millimetres per voxel along each axis. */
  readonly spacing: Xyz;
  /** Centre of the first voxel, LPS millimetres. */
  readonly origin: Xyz;
  /** Direction matrix, 3x3, row-major; column k is the unit vector of axis k. */
  readonly direction: readonly number[];
}

const SIGNS = [-1, -1, 1] as const;

/** Changes the sign without turning 0 into -0. */
function signed(value: number, row: Axis): number {
  return value === 0 ? 0 : value * SIGNS[row];
}

/** The affine of a grid: column k is direction times spacing of axis k, the last column the origin. */
export function affineOfLps({ spacing, origin, direction }: LpsGeometry): Affine {
  const rows = AXES.flatMap(row => [
    ...AXES.map(column => signed((direction[row * 3 + column] ?? 0) * spacing[column], row)),
    signed(origin[row], row),
  ]);
  return [...rows, 0, 0, 0, 1];
}

/** The grid of an affine; the spacing is the length of its columns. */
export function lpsOfAffine(affine: Affine): LpsGeometry {
  const at = (row: Axis, column: number): number => signed(affine[row * 4 + column] ?? 0, row);
  const length = (column: number): number => Math.hypot(at(0, column), at(1, column), at(2, column));
  const spacing: Xyz = [length(0), length(1), length(2)];
  return {
    spacing,
    origin: [at(0, 3), at(1, 3), at(2, 3)],
    direction: AXES.flatMap(row => AXES.map(k => at(row, k) / spacing[k])),
  };
}
