/** The voxel behind a large surface distance. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { farthestError } from '../../../src/metrics/farthest-error.ts';
import type { Xyz } from '../../../src/volume/volume.ts';

const SIZE: Xyz = [5, 4, 3];
const SPACING: Xyz = [1, 0.5, 2];
const place = (voxel: number): Xyz => [voxel % 5, Math.floor(voxel / 5) % 4, Math.floor(voxel / 20)];

function apart(a: number, b: number): number {
  const [from, to] = [place(a), place(b)];
  return Math.hypot(...SPACING.map((mm, axis) => mm * (from[axis]! - to[axis]!)));
}

/** By its definition: every voxel against every other. */
function largestByHand(reference: Uint8Array, prediction: Uint8Array): number {
  const of = (labels: Uint8Array): readonly number[] => [...labels.keys()].filter(voxel => labels[voxel] === 1);
  const [first, second] = [of(reference), of(prediction)];
  const away = (from: readonly number[], to: readonly number[]): readonly number[] =>
    from.map(voxel => Math.min(...to.map(other => apart(voxel, other))));
  return Math.max(...away(first, second), ...away(second, first));
}

describe('the farthest error', () => {
  it('is a voxel whose distance is the Hausdorff distance, whatever the masks', () => {
    const labels = fc.uint8Array({ min: 0, max: 1, minLength: 60, maxLength: 60 });
    fc.assert(
      fc.property(labels, labels, (reference, prediction) => {
        const found = farthestError(reference, prediction, { sizeVoxels: SIZE, spacingMm: SPACING, value: 1 });
        if (!reference.includes(1) || !prediction.includes(1)) return expect(found).toBeUndefined();
        const expected = largestByHand(reference, prediction);
        if (expected === 0) return expect(found).toBeUndefined();
        const other = reference[found!] === 1 ? prediction : reference;
        expect(other[found!]).toBe(0);
        const nearest = Math.min(...[...other.keys()].filter(at => other[at] === 1).map(at => apart(found!, at)));
        expect(nearest).toBeCloseTo(expected, 9);
      }),
      { numRuns: 60 },
    );
  });

  it('knows no place where a structure is missed or nothing is wrong', () => {
    const [some, none] = [new Uint8Array(60).fill(1, 3, 9), new Uint8Array(60)];
    const options = { sizeVoxels: SIZE, spacingMm: SPACING, value: 1 };
    expect(farthestError(some, none, options)).toBeUndefined();
    expect(farthestError(some, some, options)).toBeUndefined();
  });
});
