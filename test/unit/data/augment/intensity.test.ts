import { describe, expect, test } from 'vitest';
import { random } from '../../../../src/core/random.ts';
import { type ChannelVariation, UNCHANGED } from '../../../../src/data/augment/channels.ts';
import { changeIntensities } from '../../../../src/data/augment/intensity.ts';
import type { Xyz } from '../../../../src/volume/volume.ts';

describe('changeIntensities', () => {
  const ramp = Float32Array.from({ length: 5 }, (_, i) => i * 0.25);
  function changed(drawn: Partial<ChannelVariation>, data = ramp, size: Xyz = [data.length, 1, 1]): number[] {
    const channel = data.slice();
    changeIntensities({ data: channel, size }, { ...UNCHANGED, ...drawn }, random(1));
    return [...channel];
  }

  test('nothing drawn changes nothing', () => expect(changed({})).toEqual([...ramp]));

  test('brightness adds, contrast stretches about the mean', () => {
    expect(changed({ brightness: 0.5 })).toEqual([0.5, 0.75, 1, 1.25, 1.5]);
    expect(changed({ contrast: 2 })).toEqual([-0.5, 0, 0.5, 1, 1.5]);
  });

  test('gamma bends between the smallest and the largest value, whatever they are', () => {
    expect(changed({ gamma: 2 })).toEqual([0, 0.0625, 0.25, 0.5625, 1]);
    expect(changed({ gamma: 2 }, Float32Array.of(-1, 0, 1))).toEqual([-1, -0.5, 1]);
    expect(changed({ gamma: 2 }, Float32Array.of(3, 3))).toEqual([3, 3]);
  });

  test.each([40_000, 40_001])('noise of %i voxels has mean 0, the drawn deviation and no correlation', length => {
    const noise = changed({ noise: 0.2 }, new Float32Array(length));
    const mean = noise.reduce((sum, value) => sum + value, 0) / length;
    const variance = noise.reduce((sum, value) => sum + value * value, 0) / length;
    const neighbours = noise.slice(1).reduce((sum, value, i) => sum + value * noise[i]!, 0) / length;
    expect(Math.abs(mean)).toBeLessThan(0.005);
    expect(Math.sqrt(variance)).toBeCloseTo(0.2, 2);
    expect(Math.abs(neighbours)).toBeLessThan(0.002);
    const tails = noise.filter(value => Math.abs(value) > 0.4).length / length;
    expect(tails).toBeCloseTo(0.0455, 2);
  });

  test('blur spreads a point as the product of three Gaussians, and keeps the sum', () => {
    const size: Xyz = [13, 15, 17];
    const data = new Float32Array(13 * 15 * 17);
    const at = (x: number, y: number, z: number): number => (z * 15 + y) * 13 + x;
    data[at(6, 7, 8)] = 1;
    const blurred = changed({ blurVoxels: [1.2, 1.2, 1.2] }, data, size);
    const bell = (distance: number): number => Math.exp(-(distance ** 2) / (2 * 1.2 ** 2));
    const sum = [-4, -3, -2, -1, 0, 1, 2, 3, 4].reduce((total, k) => total + bell(k), 0);
    expect(blurred[at(6, 7, 8)]).toBeCloseTo((1 / sum) ** 3, 6);
    expect(blurred[at(7, 5, 11)]).toBeCloseTo((bell(1) * bell(2) * bell(3)) / sum ** 3, 6);
    expect(blurred.reduce((total, value) => total + value, 0)).toBeCloseTo(1, 5);
    expect(changed({ blurVoxels: [2, 2, 2] }, new Float32Array(60).fill(3), [3, 4, 5])).toEqual(
      Array.from({ length: 60 }, () => expect.closeTo(3, 5)),
    );
  });

  test('low resolution takes every other voxel away: what alternates becomes even, what is even stays', () => {
    const size: Xyz = [8, 6, 4];
    const stripes = Float32Array.from({ length: 192 }, (_, i) => (i % 8) % 2);
    expect(changed({ lowResolution: [0.5, 0.5, 0.5] }, stripes, size)).toEqual(Array.from({ length: 192 }, () => 0.5));
    // half the voxels along x hold the mean of two neighbours: 0.5, 2.5, 4.5, 6.5, and between them lies a line
    const slope = Float32Array.from({ length: 192 }, (_, i) => i % 8);
    expect(changed({ lowResolution: [0.5, 0.5, 0.5] }, slope, size).slice(0, 8)).toEqual([0.5, 1, 2, 3, 4, 5, 6, 6.5]);
  });
});
