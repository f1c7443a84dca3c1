/**
 * Lengths, angles and regions that a person marks in a plane: what they measure, with as many digits as the voxels
 * allow. Places are voxels along right, anterior and superior; the affine takes them to millimetres.
 */
import { formatNumber, plural } from '../src/core/format.ts';
import type { Plane } from './cross-hair.ts';
import type { DrawingGrid } from './drawing-grid.ts';
import { PLANE_AXES, type Point } from './plane-view.ts';

export type MeasurementKind = 'length' | 'angle' | 'region';

/** Number of points of each kind: two ends; an end, the vertex and an end; two corners around an ellipse. */
export const POINTS: Readonly<Record<MeasurementKind, number>> = { length: 2, angle: 3, region: 2 };

export interface Measurement {
  readonly kind: MeasurementKind;
  readonly plane: Plane;
  readonly points: readonly Point[];
}

/** The image that is measured. */
export interface MeasuredImage {
  readonly grid: DrawingGrid;
  /** Voxels in the order of the file; those of the first channel come first. */
  readonly data: Float32Array;
  /** ` HU` or nothing. */
  readonly unit: string;
}

/** Voxels of a region. */
export interface RegionValues {
  readonly voxels: number;
  readonly mean: number;
  /** Standard deviation with n - 1; 0 for one voxel. */
  readonly deviation: number;
  readonly least: number;
  readonly most: number;
  readonly areaMm2: number;
  readonly volumeMl: number;
}

const MOST_DECIMALS = 4;

/** Decimals of places that are known to about a fifth of a length, as by hand to a fifth of a pixel. */
function decimalsOf(length: number): number {
  return Math.min(MOST_DECIMALS, Math.max(0, 1 - Math.floor(Math.log10(2 * length))));
}

/** Decimals that leave two digits of a deviation. */
function spreadDecimals(deviation: number): number {
  return Math.min(MOST_DECIMALS, Math.max(0, 1 - Math.floor(Math.log10(deviation))));
}

/** A place in world millimetres (RAS+). */
export function millimetresOf([x, y, z]: Point, { affine }: Pick<DrawingGrid, 'affine'>): Point {
  const row = (at: number): number => affine[at]! * x + affine[at + 1]! * y + affine[at + 2]! * z + affine[at + 3]!;
  return [row(0), row(4), row(8)];
}

/** Length of each axis's voxels in millimetres. */
function spacingOf({ affine }: DrawingGrid): Point {
  const length = (column: number): number => Math.hypot(affine[column]!, affine[4 + column]!, affine[8 + column]!);
  return [length(0), length(1), length(2)];
}

/** The longer side of a pixel of a plane in millimetres. */
function pixelMm(plane: Plane, grid: DrawingGrid): number {
  const { across, up } = PLANE_AXES[plane];
  const spacing = spacingOf(grid);
  return Math.max(spacing[across], spacing[up]);
}

function difference(from: Point, to: Point): Point {
  return [to[0] - from[0], to[1] - from[1], to[2] - from[2]];
}

/** Distance of two places in millimetres. */
export function lengthMm([from, to]: readonly Point[], grid: DrawingGrid): number {
  return Math.hypot(...difference(millimetresOf(from!, grid), millimetresOf(to!, grid)));
}

/** Angle at the second of three places, 0 to 180 degrees. */
export function angleDegrees([first, vertex, last]: readonly Point[], grid: DrawingGrid): number {
  const at = millimetresOf(vertex!, grid);
  const [a, b] = [difference(at, millimetresOf(first!, grid)), difference(at, millimetresOf(last!, grid))];
  const dot = a[0] * b[0] + a[1] * b[1] + a[2] * b[2];
  const cross = Math.hypot(a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]);
  return (Math.atan2(cross, dot) * 180) / Math.PI;
}

/** Values of the voxels whose centres lie in an ellipse; its nearest voxel where there is no centre in it. */
function valuesInside({ plane, points }: Measurement, { grid, data }: MeasuredImage): readonly number[] {
  const { across, up, through } = PLANE_AXES[plane];
  const [from, to] = points as readonly [Point, Point];
  const centre = (axis: 0 | 1 | 2): number => (from[axis] + to[axis]) / 2;
  const radius = (axis: 0 | 1 | 2): number => Math.abs(to[axis] - from[axis]) / 2;
  const clamp = (value: number, axis: 0 | 1 | 2): number =>
    Math.min(grid.sizeVoxels[axis] - 1, Math.max(0, Math.round(value)));
  const valueAt = (i: number, j: number): number => {
    const voxel: [number, number, number] = [0, 0, 0];
    [voxel[across], voxel[up], voxel[through]] = [i, j, clamp(from[through], through)];
    return data[grid.start + voxel[0] * grid.steps[0] + voxel[1] * grid.steps[1] + voxel[2] * grid.steps[2]]!;
  };
  const values: number[] = [];
  const last = (axis: 0 | 1 | 2): number => clamp(Math.floor(centre(axis) + radius(axis)), axis);
  for (let j = clamp(Math.ceil(centre(up) - radius(up)), up); j <= last(up); j++) {
    for (let i = clamp(Math.ceil(centre(across) - radius(across)), across); i <= last(across); i++) {
      const [x, y] = [(i - centre(across)) / radius(across), (j - centre(up)) / radius(up)];
      if (x * x + y * y <= 1) values.push(valueAt(i, j));
    }
  }
  return values.length > 0 ? values : [valueAt(clamp(centre(across), across), clamp(centre(up), up))];
}

/** What the voxels of a region have in common. Its thickness is that of one slice. */
export function regionValues(measurement: Measurement, image: MeasuredImage): RegionValues {
  const values = valuesInside(measurement, image);
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  const squares = values.reduce((sum, value) => sum + (value - mean) ** 2, 0);
  const { through } = PLANE_AXES[measurement.plane];
  const spacing = spacingOf(image.grid);
  const volumeMm3 = values.length * spacing[0] * spacing[1] * spacing[2];
  return {
    voxels: values.length,
    mean,
    deviation: values.length > 1 ? Math.sqrt(squares / (values.length - 1)) : 0,
    least: values.reduce((low, value) => Math.min(low, value)),
    most: values.reduce((high, value) => Math.max(high, value)),
    areaMm2: volumeMm3 / spacing[through],
    volumeMl: volumeMm3 / 1000,
  };
}

function regionText(measurement: Measurement, image: MeasuredImage): string {
  const { voxels, mean, deviation, areaMm2, volumeMl } = regionValues(measurement, image);
  const decimals = deviation > 0 ? spreadDecimals(deviation) : 2;
  const [middle, spread] = [formatNumber(mean, decimals), formatNumber(deviation, decimals)];
  const area = formatNumber(areaMm2, areaMm2 < 10 ? 2 : 0);
  const volume = volumeMl < 0.1 ? `${formatNumber(volumeMl * 1000, 1)} µl` : `${formatNumber(volumeMl, 2)} ml`;
  return `${middle} ± ${spread}${image.unit}, ${area} mm², ${volume}, ${plural(voxels, 'voxel')}`;
}

/** A measurement for people: `23.4 mm`, `87°`, `52 ± 11 HU, 120 mm², 0.12 ml, 120 voxels`. */
export function measuredText(measurement: Measurement, image: MeasuredImage): string {
  const { kind, plane, points } = measurement;
  const { grid } = image;
  const pixel = pixelMm(plane, grid);
  switch (kind) {
    case 'length':
      return `${formatNumber(lengthMm(points, grid), decimalsOf(pixel))} mm`;
    case 'angle': {
      const shorter = Math.min(lengthMm(points.slice(0, 2), grid), lengthMm(points.slice(1), grid));
      // half a pixel at the end of the shorter leg
      const doubt = (Math.atan2(pixel / 2, shorter) * 180) / Math.PI;
      return `${formatNumber(angleDegrees(points, grid), doubt < 0.5 ? 1 : 0)}°`;
    }
    case 'region':
      return regionText(measurement, image);
    default:
      return kind satisfies never;
  }
}
