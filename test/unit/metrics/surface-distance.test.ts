import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { ShapeError } from '../../../src/core/errors.ts';
import { random } from '../../../src/core/random.ts';
import { surfaceDistance } from '../../../src/metrics/surface-distance.ts';
import type { Xyz } from '../../../src/volume/volume.ts';

type Ellipsoid = readonly [centre: Xyz, radius: Xyz];

interface Noise {
  readonly seed: number;
  readonly share: number;
}

interface Golden {
  readonly name: string;
  readonly sizeVoxels: Xyz;
  readonly spacingMm: Xyz;
  readonly toleranceMm: number;
  readonly reference: readonly Ellipsoid[];
  readonly prediction: readonly Ellipsoid[];
  readonly noise?: Noise;
  readonly expected: { readonly hd95Mm: number; readonly assdMm: number; readonly surfaceDice: number };
}

const goldens = JSON.parse(readFileSync(new URL('../../fixtures/surface-goldens.json', import.meta.url), 'utf8')) as {
  readonly cases: readonly Golden[];
};

function ellipsoids([nx, ny, nz]: Xyz, shapes: readonly Ellipsoid[], value = 1): Uint8Array {
  const mask = new Uint8Array(nx * ny * nz);
  for (let z = 0, i = 0; z < nz; z++) {
    for (let y = 0; y < ny; y++) {
      for (let x = 0; x < nx; x++, i++) {
        for (const [[cx, cy, cz], [rx, ry, rz]] of shapes) {
          const [dx, dy, dz] = [(x - cx) / rx, (y - cy) / ry, (z - cz) / rz];
          if (dx * dx + dy * dy + dz * dz <= 1) mask[i] = value;
        }
      }
    }
  }
  return mask;
}

/** As in make-surface-goldens.py. */
function noisy(mask: Uint8Array, { seed, share }: Noise = { seed: 0, share: 0 }): Uint8Array {
  let state = seed;
  return mask.map(value => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32 < share ? 1 - value : value;
  });
}

/** All pairs of surface voxels, straight from the definition. */
function bruteForce(reference: Uint8Array, prediction: Uint8Array, [nx, ny, nz]: Xyz, spacingMm: Xyz): number[][] {
  const surface = (mask: Uint8Array): number[][] => {
    const at = (x: number, y: number, z: number): boolean =>
      x >= 0 && y >= 0 && z >= 0 && x < nx && y < ny && z < nz && mask[(z * ny + y) * nx + x] === 1;
    const points: number[][] = [];
    for (let z = 0; z < nz; z++) {
      for (let y = 0; y < ny; y++) {
        for (let x = 0; x < nx; x++) {
          const neighbours = [
            at(x - 1, y, z),
            at(x + 1, y, z),
            at(x, y - 1, z),
            at(x, y + 1, z),
            at(x, y, z - 1),
            at(x, y, z + 1),
          ];
          if (at(x, y, z) && neighbours.includes(false))
            points.push([x * spacingMm[0], y * spacingMm[1], z * spacingMm[2]]);
        }
      }
    }
    return points;
  };
  const [a, b] = [surface(reference), surface(prediction)];
  const nearest = (from: number[][], to: number[][]): number[] =>
    from.map(p => Math.min(...to.map(q => Math.hypot(p[0]! - q[0]!, p[1]! - q[1]!, p[2]! - q[2]!))));
  return [nearest(a, b), nearest(b, a)];
}

describe('surface distances', () => {
  it.each(goldens.cases)('agree with SciPy: $name', golden => {
    const { sizeVoxels, expected, noise } = golden;
    const measured = surfaceDistance(
      noisy(ellipsoids(sizeVoxels, golden.reference), noise),
      noisy(ellipsoids(sizeVoxels, golden.prediction), noise && { ...noise, seed: noise.seed + 1 }),
      golden,
    );
    expect(measured.hd95Mm).toBeCloseTo(expected.hd95Mm, 9);
    expect(measured.assdMm).toBeCloseTo(expected.assdMm, 9);
    expect(measured.surfaceDice).toBeCloseTo(expected.surfaceDice, 12);
  });

  it('agree with all pairs of surface voxels on random masks of any density and grid', () => {
    const source = random(3, 'masks');
    for (let round = 0; round < 60; round++) {
      const size: Xyz = [1 + source.integer(9), 1 + source.integer(8), 1 + source.integer(7)];
      const spacingMm: Xyz = [0.3 + source.uniform() * 2, 0.3 + source.uniform() * 2, 0.3 + source.uniform() * 4];
      const draw = (density: number): Uint8Array => {
        const mask = Uint8Array.from({ length: size[0] * size[1] * size[2] }, () =>
          source.uniform() < density ? 1 : 0,
        );
        mask[source.integer(mask.length)] = 1;
        return mask;
      };
      const reference = draw(source.uniform() ** 3);
      const prediction = draw(source.uniform() ** 3);
      const [toPrediction, toReference] = bruteForce(reference, prediction, size, spacingMm) as [number[], number[]];
      const both = [...toPrediction, ...toReference];
      const measured = surfaceDistance(reference, prediction, { sizeVoxels: size, spacingMm });
      expect(measured.assdMm).toBeCloseTo(both.reduce((sum, d) => sum + d, 0) / both.length, 9);
      expect(measured.surfaceDice).toBeCloseTo(both.filter(d => d <= 1).length / both.length, 12);
    }
  });

  it('take the larger of the two directed percentiles, so that swapping the masks changes nothing', () => {
    const { sizeVoxels, spacingMm, reference, prediction } = goldens.cases.find(
      ({ name }) => name === 'two islands against one',
    )!;
    const a = ellipsoids(sizeVoxels, reference);
    const b = ellipsoids(sizeVoxels, prediction);
    const forward = surfaceDistance(a, b, { sizeVoxels, spacingMm });
    const backward = surfaceDistance(b, a, { sizeVoxels, spacingMm });
    expect(backward.hd95Mm).toBe(forward.hd95Mm);
    expect(backward.assdMm).toBeCloseTo(forward.assdMm, 12);
  });

  it('are 0 for the same mask', () => {
    const mask = ellipsoids(
      [9, 9, 9],
      [
        [
          [4, 4, 4],
          [3, 3, 3],
        ],
      ],
    );
    const measured = surfaceDistance(mask, mask, { sizeVoxels: [9, 9, 9], spacingMm: [1, 2, 3] });
    expect(measured).toEqual({ hd95Mm: 0, assdMm: 0, surfaceDice: 1 });
  });

  it('see only the label value that is asked for', () => {
    const size: Xyz = [16, 12, 10];
    const one: Ellipsoid[] = [
      [
        [5, 5, 5],
        [3, 3, 3],
      ],
    ];
    const two: Ellipsoid[] = [
      [
        [7, 6, 4],
        [3, 4, 3],
      ],
    ];
    const clean = surfaceDistance(ellipsoids(size, one), ellipsoids(size, two), {
      sizeVoxels: size,
      spacingMm: [1, 1, 2],
    });
    const reference = ellipsoids(size, one, 4);
    const prediction = ellipsoids(size, two, 4);
    for (const labels of [reference, prediction]) labels[labels.length - 1] = 1;
    expect(surfaceDistance(reference, prediction, { sizeVoxels: size, spacingMm: [1, 1, 2], value: 4 })).toEqual(clean);
  });

  it('count a distance equal to the tolerance although the spacing was stored as float32', () => {
    const spacing = Math.fround(0.6);
    const reference = Uint8Array.of(1, 0, 0, 0);
    const prediction = Uint8Array.of(0, 0, 0, 1);
    const options = { sizeVoxels: [4, 1, 1] as Xyz, spacingMm: [spacing, 1, 1] as Xyz };
    expect(3 * spacing).toBeGreaterThan(1.8);
    expect(surfaceDistance(reference, prediction, { ...options, toleranceMm: 1.8 }).surfaceDice).toBe(1);
    expect(surfaceDistance(reference, prediction, { ...options, toleranceMm: 1.79 }).surfaceDice).toBe(0);
  });

  it('are infinite where one mask is empty and undefined where both are', () => {
    const options = { sizeVoxels: [3, 1, 1] as Xyz, spacingMm: [1, 1, 1] as Xyz };
    const empty = new Uint8Array(3);
    const full = Uint8Array.of(0, 1, 0);
    const infinite = { hd95Mm: Number.POSITIVE_INFINITY, assdMm: Number.POSITIVE_INFINITY, surfaceDice: 0 };
    expect(surfaceDistance(full, empty, options)).toEqual(infinite);
    expect(surfaceDistance(empty, full, options)).toEqual(infinite);
    expect(surfaceDistance(empty, empty, options)).toEqual({
      hd95Mm: Number.NaN,
      assdMm: Number.NaN,
      surfaceDice: Number.NaN,
    });
  });

  it('refuse a volume that is not of the stated size', () => {
    const mask = new Uint8Array(8);
    expect(() => surfaceDistance(mask, mask, { sizeVoxels: [2, 2, 3], spacingMm: [1, 1, 1] })).toThrow(ShapeError);
  });
});
