/**
 * Smooth random deformation: displacements at a coarse grid of control points, between them a uniform cubic B-spline.
 * It is as smooth as the grid is coarse, never exceeds the largest control displacement, and does not fold where that
 * is below 0.4 of the grid's distance. A row of a patch is worked out at a time, so that no field of displacements is
 * kept.
 * Source: Rueckert et al., Nonrigid registration using free-form deformations, IEEE TMI 18(8), 1999; for folding Choi
 * and Lee, 2000.
 */
import { AXIS_NAMES, type Axis, mapAxes } from '../../core/axes.ts';
import { type Random, random } from '../../core/random.ts';
import type { Xyz } from '../../volume/volume.ts';

/** A drawn deformation. */
export interface Deformation {
  /** Distance of control points, in voxels. */
  readonly stepVoxels: Xyz;
  /** Control points along each axis; the first lies one step before the patch. */
  readonly points: Xyz;
  /** Displacement along x, y, z at every control point, in voxels; x fastest. */
  readonly displacement: readonly [Float32Array, Float32Array, Float32Array];
  /** Largest possible displacement. */
  readonly reachVoxels: Xyz;
}

/** Positions of the voxels of one row, one array per axis. */
export type Row = readonly [Float64Array, Float64Array, Float64Array];

/**
 * Draws displacements uniformly, each axis by itself.
 * @returns undefined if nothing may be displaced
 */
export function drawDeformation(
  {
    elasticMm,
    elasticSpacingMm,
    thickAxis = null,
  }: {
    readonly elasticMm: number;
    readonly elasticSpacingMm: number;
    /** Axis that nothing is displaced along. */
    readonly thickAxis?: string | null;
  },
  { patchSize, spacingMm }: { readonly patchSize: Xyz; readonly spacingMm: Xyz },
  source: Random,
): Deformation | undefined {
  // a separate stream, so that the size of the grid does not change other draws
  const own = random('deformation', source.integer(2 ** 31));
  if (elasticMm === 0) return undefined;
  const stepVoxels = mapAxes(axis => elasticSpacingMm / spacingMm[axis]);
  const points = mapAxes(axis => Math.floor((patchSize[axis] - 1) / stepVoxels[axis]) + 4);
  const count = points[0] * points[1] * points[2];
  // a plane is deformed within itself
  const isStill = (axis: Axis): boolean => patchSize[axis] === 1 || AXIS_NAMES[axis] === thickAxis;
  const reachVoxels = mapAxes(axis => (isStill(axis) ? 0 : elasticMm / spacingMm[axis]));
  const displacement = mapAxes(axis =>
    Float32Array.from({ length: count }, () => (own.uniform() * 2 - 1) * reachVoxels[axis]),
  );
  return { stepVoxels, points, displacement, reachVoxels };
}

/** The four control points that a position lies between, and their weights. */
interface SplineAxis {
  readonly first: Int32Array;
  /** Weights, four per position. */
  readonly weights: Float64Array;
}

function splineAxis(size: number, step: number): SplineAxis {
  const first = new Int32Array(size);
  const weights = new Float64Array(size * 4);
  for (let i = 0; i < size; i++) {
    first[i] = Math.floor(i / step);
    const t = i / step - first[i]!;
    const u = 1 - t;
    weights[i * 4] = (u * u * u) / 6;
    weights[i * 4 + 1] = (3 * t * t * t - 6 * t * t + 4) / 6;
    weights[i * 4 + 2] = (3 * u * u * u - 6 * u * u + 4) / 6;
    weights[i * 4 + 3] = (t * t * t) / 6;
  }
  return { first, weights };
}

/**
 * Returns a function that adds the displacements of a row to its positions.
 * @returns a function of the row's positions, which it changes, and its y and z in the patch
 */
export function createDisplacement(deformation: Deformation, size: Xyz): (row: Row, y: number, z: number) => void {
  const { stepVoxels, points, displacement } = deformation;
  const [alongX, alongY, alongZ] = mapAxes(axis => splineAxis(size[axis], stepVoxels[axis]));
  const [columns, rows] = points;
  const line = new Float64Array(columns);
  return (row, y, z) => {
    for (let axis = 0; axis < 3; axis++) {
      const control = displacement[axis]!;
      line.fill(0);
      for (let k = 0; k < 16; k++) {
        const [ky, kz] = [k & 3, k >> 2];
        const weight = alongY.weights[y * 4 + ky]! * alongZ.weights[z * 4 + kz]!;
        const from = ((alongZ.first[z]! + kz) * rows + alongY.first[y]! + ky) * columns;
        for (let i = 0; i < columns; i++) line[i]! += weight * control[from + i]!;
      }
      const positions = row[axis]!;
      const { first, weights } = alongX;
      for (let x = 0; x < positions.length; x++) {
        const i = first[x]!;
        const w = x * 4;
        positions[x]! +=
          weights[w]! * line[i]! +
          weights[w + 1]! * line[i + 1]! +
          weights[w + 2]! * line[i + 2]! +
          weights[w + 3]! * line[i + 3]!;
      }
    }
  };
}
