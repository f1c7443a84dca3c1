import { describe, expect, test } from 'vitest';
import { random } from '../../../../src/core/random.ts';
import {
  createDisplacement,
  type Deformation,
  drawDeformation,
  type Row,
} from '../../../../src/data/augment/elastic.ts';
import type { Xyz } from '../../../../src/volume/volume.ts';

const SIZE: Xyz = [17, 12, 9];
const SPACING: Xyz = [1, 2, 0.5];

function draw(elasticMm: number, seed = 1): Deformation | undefined {
  return drawDeformation({ elasticMm, elasticSpacingMm: 6 }, { patchSize: SIZE, spacingMm: SPACING }, random(seed));
}

/** Displacement of every voxel, [3][z][y][x] in one list per axis. */
function field(deformation: Deformation, size = SIZE): number[][] {
  const displace = createDisplacement(deformation, size);
  const values: number[][] = [[], [], []];
  for (let z = 0; z < size[2]; z++) {
    for (let y = 0; y < size[1]; y++) {
      const row: Row = [new Float64Array(size[0]), new Float64Array(size[0]), new Float64Array(size[0])];
      displace(row, y, z);
      row.forEach((positions, axis) => {
        values[axis]?.push(...positions);
      });
    }
  }
  return values;
}

/** The cubic B-spline with support [-2, 2], from its definition by cases. */
function spline(distance: number): number {
  const d = Math.abs(distance);
  if (d >= 2) return 0;
  return d >= 1 ? (2 - d) ** 3 / 6 : (4 - 6 * d * d + 3 * d ** 3) / 6;
}

describe('a deformation', () => {
  test('is the sum of B-splines at its control points', () => {
    const deformation = draw(2) as Deformation;
    const { points, stepVoxels, displacement } = deformation;
    expect(stepVoxels).toEqual([6, 3, 12]);
    expect(points).toEqual([6, 7, 4]);
    const values = field(deformation);
    for (const [x, y, z] of [
      [0, 0, 0],
      [5, 7, 3],
      [16, 11, 8],
      [12, 6, 1],
    ] as const) {
      for (let axis = 0; axis < 3; axis++) {
        let sum = 0;
        for (let k = 0; k < points[2]; k++)
          for (let j = 0; j < points[1]; j++)
            for (let i = 0; i < points[0]; i++) {
              // control point i lies at (i - 1) steps
              const weight = spline(x / 6 - i + 1) * spline(y / 3 - j + 1) * spline(z / 12 - k + 1);
              sum += weight * displacement[axis as 0 | 1 | 2][(k * points[1] + j) * points[0] + i]!;
            }
        expect(values[axis]?.[(z * 12 + y) * 17 + x]).toBeCloseTo(sum, 9);
      }
    }
  });

  test('stays within its reach in millimetres, and moves something', () => {
    const values = field(draw(2, 4) as Deformation);
    values.forEach((ofAxis, axis) => {
      const largest = Math.max(...ofAxis.map(Math.abs)) * SPACING[axis as 0 | 1 | 2];
      expect(largest).toBeLessThanOrEqual(2);
      expect(largest).toBeGreaterThan(0.2);
    });
  });

  test('does not fold at 0.4 of the distance of its control points', () => {
    const size: Xyz = [24, 24, 24];
    for (let seed = 0; seed < 5; seed++) {
      const patch = { patchSize: size, spacingMm: [1, 1, 1] } as const;
      const drawn = drawDeformation({ elasticMm: 2.4, elasticSpacingMm: 6 }, patch, random(seed)) as Deformation;
      const largest = 2.4;
      const extreme: Deformation = {
        ...drawn,
        displacement: drawn.displacement.map(part => part.map(value => (value < 0 ? -largest : largest))) as never,
      };
      const [dx = [], dy = [], dz = []] = field(extreme, size);
      const strides = [1, 24, 576];
      for (let z = 0; z < 23; z++)
        for (let y = 0; y < 23; y++)
          for (let x = 0; x < 23; x++) {
            const at = (z * 24 + y) * 24 + x;
            const [a, b, c] = [dx, dy, dz].map((part, row) =>
              strides.map((stride, column) => part[at + stride]! - part[at]! + (row === column ? 1 : 0)),
            ) as [number[], number[], number[]];
            const determinant =
              a[0]! * (b[1]! * c[2]! - b[2]! * c[1]!) -
              a[1]! * (b[0]! * c[2]! - b[2]! * c[0]!) +
              a[2]! * (b[0]! * c[1]! - b[1]! * c[0]!);
            if (determinant <= 0) throw new Error(`folds at ${x}, ${y}, ${z} with seed ${seed}`);
          }
    }
  });

  test('of nothing is none, and its grid changes nothing else that is drawn', () => {
    expect(draw(0)).toBeUndefined();
    const drawnAfter = (elasticMm: number): number => {
      const source = random(8);
      drawDeformation({ elasticMm, elasticSpacingMm: 6 }, { patchSize: SIZE, spacingMm: SPACING }, source);
      return source.uniform();
    };
    expect(drawnAfter(0)).toBe(drawnAfter(2));
  });
});
