/** The search for the largest patch that fits a memory, on costs that are as awkward as those of networks. */
import { describe, expect, it } from 'vitest';
import { random } from '../../../src/core/random.ts';
import { firstFitting, patchVoxelCount, shrinkingPatches } from '../../../src/experiment/plan-patch.ts';
import type { Xyz } from '../../../src/volume/volume.ts';

describe('the patches of a plan', () => {
  it('become cubes in millimetres, down to eight voxels a side, and leave a plane a plane', () => {
    const patches = shrinkingPatches([128, 128, 20], [0.5, 0.5, 4]);
    expect(patches[0]).toEqual([128, 128, 20]);
    // 20 slices of 4 mm are 80 mm, the plane of 64 mm waits
    expect(patches[1]).toEqual([128, 128, 16]);
    expect(patches[2]).toEqual([124, 128, 16]);
    expect(patches.at(-1)).toEqual([8, 8, 8]);
    const planes = shrinkingPatches([40, 12, 1], [1, 1, 9]);
    expect(planes.at(-1)).toEqual([8, 8, 1]);
    expect(planes.every(([, , z]) => z === 1)).toBe(true);
  });

  it('fit 200 memories of 200 shapes, and are the largest that do', () => {
    const stream = random('patches');
    for (let index = 0; index < 200; index++) {
      const largest: Xyz = [1 + stream.integer(512), 1 + stream.integer(128), 1 + stream.integer(128)];
      const spacing: Xyz = [0.3 + stream.uniform(), 0.3 + stream.uniform(), 0.3 + 6 * stream.uniform()];
      const patches = shrinkingPatches(largest, spacing);
      // networks round patches up, and thin ones take more for a voxel
      const bytesOf = ([x, y, z]: Xyz): number => {
        const up = (size: number): number => Math.ceil(size / 8) * 8;
        return 1e8 + (z < 12 ? 4e3 : 2e3) * up(x) * up(y) * up(z);
      };
      const memory = 1e8 + 2e9 * stream.uniform() ** 3;
      let asked = 0;
      const found = firstFitting(
        patches,
        patch => {
          asked++;
          return bytesOf(patch);
        },
        memory,
      );
      const first = patches.findIndex(patch => bytesOf(patch) <= memory);
      const text = `${largest} ${spacing} ${memory}`;
      if (found === undefined) {
        expect(first, text).toBe(-1);
        continue;
      }
      const place = patches.indexOf(found);
      expect(bytesOf(found), text).toBeLessThanOrEqual(memory);
      expect(place === 0 || bytesOf(patches[place - 1] as Xyz) > memory, text).toBe(true);
      expect(asked, text).toBeLessThan(16);
      // where costs never rise along the list it is the first of all
      const falls = patches.every((patch, at) => at === 0 || bytesOf(patch) <= bytesOf(patches[at - 1] as Xyz));
      if (falls) expect(patchVoxelCount(found), text).toBe(patchVoxelCount(patches[first] as Xyz));
    }
  });
});
