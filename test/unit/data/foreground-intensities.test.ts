import { describe, expect, test } from 'vitest';
import { foregroundStatistics, sampleForeground } from '../../../src/data/foreground-intensities.ts';
import type { LabelVolume, Volume } from '../../../src/volume/volume.ts';

const AFFINE = [1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1];

function caseOf(values: readonly number[], labels: readonly number[]): [Volume, LabelVolume] {
  const grid = { sizeVoxels: [labels.length, 1, 1], spacingMm: [1, 1, 1], affine: AFFINE } as const;
  const channels = values.length / labels.length;
  return [
    { ...grid, data: Float32Array.from(values), channels },
    { ...grid, data: Uint8Array.from(labels) },
  ];
}

describe('sampleForeground', () => {
  test('gives the intensities where something is segmented, per channel, finite ones only', () => {
    const sampled = sampleForeground(...caseOf([1, 2, 3, 4, 10, 20, Number.NaN, 40], [0, 1, 2, 1]));
    expect(sampled.map(values => [...values])).toEqual([
      [2, 3, 4],
      [20, 40],
    ]);
  });

  test('of many voxels keeps an even sample', () => {
    const count = 35_000;
    const ramp = Array.from({ length: count }, (_, i) => i);
    const [sampled] = sampleForeground(
      ...caseOf(
        ramp,
        ramp.map(() => 1),
      ),
    );
    expect(sampled?.length).toBe(10_000);
    const gaps = Array.from(sampled ?? []).map((value, i) => value - i * 3.5);
    expect(Math.min(...gaps)).toBeGreaterThanOrEqual(0);
    expect(Math.max(...gaps)).toBeLessThan(1);
  });
});

describe('foregroundStatistics', () => {
  test('are percentiles, mean and deviation over all samples: 0 to 1000 in two parts', () => {
    const part = (from: number, to: number) => Float32Array.from({ length: to - from }, (_, i) => from + i);
    const statistics = foregroundStatistics([part(400, 1001), part(0, 400)]);
    // of a uniform ramp of n whole numbers: sqrt((n^2 - 1) / 12)
    const deviation = expect.closeTo(Math.sqrt((1001 ** 2 - 1) / 12), 9);
    expect(statistics).toEqual({ low: 5, high: 995, mean: 500, deviation });
  });

  test('are none where nothing is segmented, or all of it is alike', () => {
    expect(foregroundStatistics([])).toBeUndefined();
    expect(foregroundStatistics([Float32Array.of(7, 7)])).toBeUndefined();
  });
});
