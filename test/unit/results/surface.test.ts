/** Surfaces against the volumes of the voxels that they enclose. */
import { describe, expect, it } from 'vitest';
import { type Surface, surfaceOf } from '../../../src/results/surface.ts';
import { encodeObj, encodeStl } from '../../../src/results/surface-file.ts';
import type { Affine, LabelVolume } from '../../../src/volume/volume.ts';

/** A ball of label 3 with a radius of 8 voxels; `cut`: at the border of the image. */
function ball(affine: Affine, centre = 11.5): LabelVolume {
  const data = new Uint8Array(24 ** 3);
  data.forEach((_, index) => {
    const place = [index % 24, Math.floor(index / 24) % 24, Math.floor(index / 576)];
    const distance = Math.hypot(place[0]! - centre, place[1]! - 11.5, place[2]! - 11.5);
    if (distance <= 8) data[index] = 3;
  });
  return { data, sizeVoxels: [24, 24, 24], spacingMm: [1, 2, 1.5], affine };
}

/** Signed volume by the divergence theorem: positive where triangles face outwards. */
function enclosed({ corners, triangles }: Surface): number {
  return triangles.reduce((sum, triangle) => {
    const [a, b, c] = triangle.map(index => corners[index]!) as [
      Surface['corners'][0],
      Surface['corners'][0],
      Surface['corners'][0],
    ];
    const cross = [b[1] * c[2] - b[2] * c[1], b[2] * c[0] - b[0] * c[2], b[0] * c[1] - b[1] * c[0]] as const;
    return sum + (a[0] * cross[0] + a[1] * cross[1] + a[2] * cross[2]) / 6;
  }, 0);
}

/** Whether every edge is met once in each direction. */
function isClosed({ triangles }: Surface): boolean {
  const edges = new Set(triangles.flatMap(([a, b, c]) => [`${a}-${b}`, `${b}-${c}`, `${c}-${a}`]));
  return (
    [...edges].every(edge => edges.has(edge.split('-').toReversed().join('-'))) && edges.size === 3 * triangles.length
  );
}

const RIGHT: Affine = [1, 0, 0, -10, 0, 2, 0, 5, 0, 0, 1.5, 7, 0, 0, 0, 1];
const MIRRORED: Affine = [-1, 0, 0, -10, 0, 2, 0, 5, 0, 0, 1.5, 7, 0, 0, 0, 1];

describe('surfaceOf', () => {
  it.each([
    ['right-handed', RIGHT, 11.5],
    ['mirrored', MIRRORED, 11.5],
    ['at the border of the image', RIGHT, 2],
  ] as const)('is closed, faces outwards and encloses the voxels of a grid that is %s', (_, affine, centre) => {
    const labels = ball(affine, centre);
    const surface = surfaceOf(labels, { value: 3, name: 'ball' })!;
    const mm3 = labels.data.filter(value => value === 3).length * 3;
    expect(isClosed(surface)).toBe(true);
    expect(enclosed(surface) / mm3).toBeGreaterThan(0.96);
    expect(enclosed(surface) / mm3).toBeLessThan(1.01);
    const xs = surface.corners.map(([x]) => x);
    const middle = (Math.min(...xs) + Math.max(...xs)) / 2;
    if (centre === 11.5) expect(middle).toBeCloseTo(affine[0]! * 11.5 - 10, 6);
  });

  it('is none for a label that no voxel has', () => {
    expect(surfaceOf(ball(RIGHT), { value: 4, name: 'none' })).toBeUndefined();
  });
});

describe('surface files', () => {
  const surface = surfaceOf(ball(RIGHT), { value: 3, name: 'left ball' })!;

  it('OBJ: objects by name, whose corners are counted on from one to the next', () => {
    const text = new TextDecoder().decode(encodeObj([surface, { ...surface, name: 'b' }]));
    const lines = text.split('\n');
    expect(lines[0]).toMatch(/^# SPACE=RAS, millimetres/);
    expect(lines.filter(line => line.startsWith('o '))).toEqual(['o left_ball', 'o b']);
    const faces = lines.filter(line => line.startsWith('f ')).map(line => line.slice(2).split(' ').map(Number));
    const count = surface.corners.length;
    expect(Math.min(...faces.flat())).toBe(1);
    expect(Math.max(...faces.flat())).toBe(2 * count);
    expect(faces[surface.triangles.length]).toEqual(surface.triangles[0]!.map(index => index + 1 + count));
  });

  it('STL: 80 bytes, a count, and 50 bytes for each triangle with its normal', () => {
    const bytes = encodeStl(surface);
    const view = new DataView(bytes.buffer, bytes.byteOffset);
    expect(view.getUint32(80, true)).toBe(surface.triangles.length);
    expect(bytes.length).toBe(84 + 50 * surface.triangles.length);
    const [nx, ny, nz] = [0, 4, 8].map(offset => view.getFloat32(84 + offset, true)) as [number, number, number];
    expect(Math.hypot(nx, ny, nz)).toBeCloseTo(1, 5);
    const [x, y, z] = [12, 16, 20].map(offset => view.getFloat32(84 + offset, true));
    expect([x, y, z]).toEqual([...surface.corners[surface.triangles[0]![0]]!].map(Math.fround));
    // away from the middle of the ball
    const middle = [1.5, 28, 24.25];
    expect(nx * (x! - middle[0]!) + ny * (y! - middle[1]!) + nz * (z! - middle[2]!)).toBeGreaterThan(0);
  });
});
