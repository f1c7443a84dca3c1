import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { random } from '../../../src/core/random.ts';
import {
  assertPatchFits,
  cropInto,
  indexForeground,
  type PatchPadding,
  type PatchWindow,
  samplePatch,
} from '../../../src/data/patches.ts';
import type { Xyz } from '../../../src/volume/volume.ts';

const size = (max: number) =>
  fc.tuple(fc.integer({ min: 1, max }), fc.integer({ min: 1, max }), fc.integer({ min: 1, max }));
const NO_FLIP = [false, false, false] as const;

function count([x, y, z]: Xyz): number {
  return x * y * z;
}

function crop(
  data: Float32Array,
  sizeVoxels: Xyz,
  window: PatchWindow,
  padding: PatchPadding,
  flip = NO_FLIP as readonly [boolean, boolean, boolean],
) {
  const target = new Float32Array(count(window.size)).fill(Number.NaN);
  cropInto(target, { data, sizeVoxels }, { window, padding, fill: -1, flip });
  return target;
}

describe('assertPatchFits', () => {
  const patched = { id: 'hippocampus_017', sizeVoxels: [35, 51, 35] as const };

  test('says what was asked, what was got and what to do', () => {
    const check = () => assertPatchFits([96, 48, 96], { ...patched, spacingMm: [1, 1, 1] }, 'none');
    expect(check).toThrow(
      'patch 96x48x96 does not fit case "hippocampus_017" (35x51x35 voxels at 1 x 1 x 1 mm). ' +
        'Set patch.size to at most 35x48x35 or patch.padding to "reflect".',
    );
    expect(check).toThrow(expect.objectContaining({ code: 'E_PATCH_TOO_LARGE' }));
  });

  test('a patch of exactly the case fits without padding', () => {
    expect(() => assertPatchFits([35, 51, 35], patched, 'none')).not.toThrow();
    expect(() => assertPatchFits([35, 52, 35], patched, 'none')).toThrow();
  });

  test.each(['constant', 'reflect'] as const)('with padding %s it may be twice as large and no more', padding => {
    expect(() => assertPatchFits([70, 102, 70], patched, padding)).not.toThrow();
    expect(() => assertPatchFits([71, 40, 40], patched, padding)).toThrow(/at most 70x40x40 \(35x40x35 fits without/);
  });
});

describe('indexForeground', () => {
  test('lists every voxel of every class but 0', () => {
    const classes = indexForeground(Uint8Array.of(0, 2, 1, 2, 0, 255));
    expect(classes.map(({ value, voxels }) => [value, [...voxels]])).toEqual([
      [1, [2]],
      [2, [1, 3]],
      [255, [5]],
    ]);
  });

  test('keeps an even sample of at most 20,000 voxels of a class', () => {
    const label = Uint8Array.from({ length: 200_000 }, (_, i) => (i < 150_000 ? 1 : i < 150_010 ? 3 : 0));
    const [large, small] = indexForeground(label);
    expect(large?.voxels.length).toBe(20_000);
    expect(new Set(large?.voxels).size).toBe(20_000);
    expect(large?.voxels.every(index => label[index] === 1)).toBe(true);
    const firstThird = large?.voxels.filter(index => index < 50_000).length ?? 0;
    expect(Math.abs(firstThird - 20_000 / 3)).toBeLessThan(20);
    expect(small?.voxels.length).toBe(10);
    expect(indexForeground(label)).toEqual([large, small]);
  });
});

describe('samplePatch', () => {
  test('stays inside the case where it fits and puts the case in the middle where it does not', () => {
    fc.assert(
      fc.property(size(9), size(9), fc.nat(), (sizeVoxels, patchSize, seed) => {
        const label = Uint8Array.from({ length: count(sizeVoxels) }, (_, i) => (i % 3 === 0 ? 1 : 0));
        const placed = { sizeVoxels, foreground: indexForeground(label) };
        const { start } = samplePatch(placed, { patchSize, foreground: 0.5 }, random(seed));
        start.forEach((at, axis) => {
          const room = sizeVoxels[axis]! - patchSize[axis]!;
          if (room >= 0) {
            expect(at >= 0 && at <= room).toBe(true);
          } else {
            expect(Math.abs(-at - (-room + at))).toBeLessThanOrEqual(1);
          }
        });
      }),
    );
  });

  test('a foreground patch holds a voxel of a class, each class as often as the others', () => {
    const sizeVoxels: Xyz = [20, 20, 20];
    const label = new Uint8Array(8000).fill(1, 0, 3000);
    label[7999] = 2;
    const placed = { sizeVoxels, foreground: indexForeground(label) };
    let rare = 0;
    for (let seed = 0; seed < 400; seed++) {
      const { start } = samplePatch(placed, { patchSize: [4, 4, 4], foreground: 1 }, random(seed));
      if (start.every(at => at === 16)) rare++;
      expect(start[2] < 8 || start[2] === 16).toBe(true);
    }
    expect(rare).toBeGreaterThan(160);
    expect(rare).toBeLessThan(240);
  });

  test('is centred on the foreground voxel away from borders', () => {
    const label = new Uint8Array(8000);
    label[9 * 400 + 8 * 20 + 7] = 1;
    const placed = { sizeVoxels: [20, 20, 20] as const, foreground: indexForeground(label) };
    const { start } = samplePatch(placed, { patchSize: [5, 5, 4], foreground: 1 }, random(1));
    expect(start).toEqual([5, 6, 7]);
  });

  test('foreground 0, and a case without labels, give every place the same chance', () => {
    const label = new Uint8Array(4).fill(1, 0, 1);
    for (const foreground of [indexForeground(label), []]) {
      const seen = [0, 0, 0, 0];
      for (let seed = 0; seed < 800; seed++) {
        const placement = { patchSize: [1, 1, 1] as const, foreground: foreground.length === 0 ? 1 : 0 };
        seen[samplePatch({ sizeVoxels: [4, 1, 1], foreground }, placement, random(seed)).start[0]]!++;
      }
      expect(Math.min(...seen)).toBeGreaterThan(150);
    }
  });
});

describe('cropInto', () => {
  test('takes each voxel from where it is, and padding from outside', () => {
    const start = fc.integer({ min: -6, max: 6 });
    fc.assert(
      fc.property(size(5), size(6), fc.tuple(start, start, start), (sizeVoxels, patchSize, at) => {
        const data = Float32Array.from({ length: count(sizeVoxels) }, (_, i) => i + 1);
        const result = crop(data, sizeVoxels, { start: at, size: patchSize }, 'constant');
        let i = 0;
        for (let z = at[2]; z < at[2] + patchSize[2]; z++) {
          for (let y = at[1]; y < at[1] + patchSize[1]; y++) {
            for (let x = at[0]; x < at[0] + patchSize[0]; x++) {
              const inside = [x, y, z].every((p, axis) => p >= 0 && p < sizeVoxels[axis]!);
              expect(result[i++]).toBe(inside ? 1 + x + sizeVoxels[0] * (y + sizeVoxels[1] * z) : -1);
            }
          }
        }
      }),
      { numRuns: 150 },
    );
  });

  test("reflect continues as numpy's np.pad([1, 2, 3], (5, 4), 'reflect')", () => {
    const data = Float32Array.of(1, 2, 3);
    const result = crop(data, [3, 1, 1], { start: [-5, 0, 0], size: [12, 1, 1] }, 'reflect');
    expect([...result]).toEqual([2, 1, 2, 3, 2, 1, 2, 3, 2, 1, 2, 3]);
  });

  test('reflect of a single voxel repeats it', () => {
    expect([...crop(Float32Array.of(4), [1, 1, 1], { start: [0, -1, 0], size: [1, 3, 2] }, 'reflect')]).toEqual(
      new Array(6).fill(4),
    );
  });

  test('padding and cropping back gives the case', () => {
    fc.assert(
      fc.property(
        size(5),
        size(4),
        fc.constantFrom<PatchPadding>('constant', 'reflect'),
        (sizeVoxels, margin, padding) => {
          const data = Float32Array.from({ length: count(sizeVoxels) }, (_, i) => i);
          const padded: Xyz = [
            sizeVoxels[0] + 2 * margin[0],
            sizeVoxels[1] + 2 * margin[1],
            sizeVoxels[2] + 2 * margin[2],
          ];
          const start: Xyz = [-margin[0], -margin[1], -margin[2]];
          const around = crop(data, sizeVoxels, { start, size: padded }, padding);
          expect(crop(around, padded, { start: margin, size: sizeVoxels }, padding)).toEqual(data);
        },
      ),
    );
  });

  test('flips each axis by itself', () => {
    const data = Float32Array.from({ length: 8 }, (_, i) => i);
    const window: PatchWindow = { start: [0, 0, 0], size: [2, 2, 2] };
    expect([...crop(data, [2, 2, 2], window, 'none', [true, false, false])]).toEqual([1, 0, 3, 2, 5, 4, 7, 6]);
    expect([...crop(data, [2, 2, 2], window, 'none', [false, true, false])]).toEqual([2, 3, 0, 1, 6, 7, 4, 5]);
    expect([...crop(data, [2, 2, 2], window, 'none', [false, false, true])]).toEqual([4, 5, 6, 7, 0, 1, 2, 3]);
  });
});
