/** What is told of an image before normalisation. */
import { describe, expect, it } from 'vitest';
import { random } from '../../../src/core/random.ts';
import { channelFacts } from '../../../src/data/image-facts.ts';
import type { Volume, Xyz } from '../../../src/volume/volume.ts';

function volumeOf(sizeVoxels: Xyz, values: readonly ((x: number, y: number, z: number) => number)[]): Volume {
  const [width, height, depth] = sizeVoxels;
  const data = new Float32Array(width * height * depth * values.length);
  let at = 0;
  for (const value of values) {
    for (let z = 0; z < depth; z++) {
      for (let y = 0; y < height; y++) for (let x = 0; x < width; x++) data[at++] = value(x, y, z);
    }
  }
  const affine = [1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1];
  return { data, sizeVoxels, channels: values.length, spacingMm: [1, 1, 1], affine };
}

function sortedPercentile(values: ArrayLike<number>, percent: number): number {
  const sorted = Float64Array.from(values).sort();
  const rank = (percent / 100) * (sorted.length - 1);
  const low = Math.floor(rank);
  return sorted[low]! + (rank - low) * ((sorted[low + 1] ?? sorted[low]!) - sorted[low]!);
}

describe('channelFacts', () => {
  it('gives extremes and percentiles of the finite voxels, channel by channel', () => {
    const noise = random(1, 'image facts');
    const first = Array.from({ length: 20 * 15 * 10 }, () => noise.normal() * 50 + 20);
    const values = [(x: number, y: number, z: number) => first[(z * 15 + y) * 20 + x]!, (x: number) => x / 7];
    const volume = volumeOf([20, 15, 10], values);
    volume.data[5] = Number.NaN;
    volume.data[6] = Number.POSITIVE_INFINITY;
    const finite = [...volume.data.subarray(0, 3000)].filter(Number.isFinite);
    const [one, two] = channelFacts(volume);
    expect(one).toMatchObject({ isConstant: false, isLabelMap: false });
    expect([one?.minimum, one?.maximum]).toEqual([Math.min(...finite), Math.max(...finite)]);
    expect(one?.low).toBeCloseTo(sortedPercentile(finite, 0.5), 3);
    expect(one?.high).toBeCloseTo(sortedPercentile(finite, 99.5), 3);
    expect(two).toMatchObject({ minimum: 0, low: 0 });
    expect(two?.high).toBeCloseTo(19 / 7, 6);
  });

  it('looks at a part of a large volume that is right for the whole', () => {
    // 1.2 million voxels; the step must not fall in with rows or slices, whose values repeat
    const volume = volumeOf([120, 100, 100], [(x, y, z) => x + 0.01 * y + 0.0001 * z]);
    const [facts] = channelFacts(volume);
    expect(facts?.low).toBeCloseTo(sortedPercentile(volume.data, 0.5), 1);
    expect(facts?.high).toBeCloseTo(sortedPercentile(volume.data, 99.5), 1);
  });

  it('reports constant channels, and those without a finite voxel', () => {
    const facts = channelFacts(volumeOf([4, 4, 4], [() => 7, () => Number.NaN, x => x]));
    expect(facts.map(({ isConstant }) => isConstant)).toEqual([true, true, false]);
    expect(facts[0]).toMatchObject({ minimum: 7, maximum: 7, low: 7, high: 7 });
    expect(facts[1]?.low).toBeNaN();
  });

  it('takes few whole values, or many in areas of one value, for a label map', () => {
    const noise = random(2, 'image facts');
    const facts = channelFacts(
      volumeOf(
        [40, 40, 20],
        [
          x => (x < 20 ? 0 : 2),
          // 100 boxes of 4 x 4 voxels with a label each
          (x, y) => 1000 + Math.floor(x / 4) + 10 * Math.floor(y / 4),
          // an image of 8 bits, and the same enlarged twofold by the nearest voxel
          () => Math.floor(noise.uniform() * 120),
          (x, y, z) => (Math.floor(x / 2) * 37 + Math.floor(y / 2) * 101 + Math.floor(z / 2) * 57) % 120,
          // fractions, and values below 0
          x => (x < 20 ? 0.5 : 2),
          x => (x < 20 ? -1 : 2),
        ],
      ),
    );
    expect(facts.map(({ isLabelMap }) => isLabelMap)).toEqual([true, true, false, false, false, false]);
  });
});
