/** The range of finite values, and percentiles. */
import { describe, expect, it } from 'vitest';
import { channelExtents, extentOf } from '../../../src/core/extent.ts';
import { medianOf, percentileOf } from '../../../src/core/percentile.ts';

describe('extentOf', () => {
  it('is that of the finite values, and counts them', () => {
    const values = Float32Array.of(3, Number.NaN, -2, Number.POSITIVE_INFINITY, 7, Number.NEGATIVE_INFINITY);
    expect(extentOf(values)).toEqual({ min: -2, max: 7, finite: 3 });
    expect(extentOf(Float32Array.of(5))).toEqual({ min: 5, max: 5, finite: 1 });
  });

  it('of nothing finite is empty', () => {
    const empty = { min: Number.POSITIVE_INFINITY, max: Number.NEGATIVE_INFINITY, finite: 0 };
    expect(extentOf(new Float32Array(0))).toEqual(empty);
    expect(extentOf(Float32Array.of(Number.NaN))).toEqual(empty);
  });

  it('is taken channel by channel', () => {
    expect(channelExtents(Float32Array.of(1, 2, 9, 8, Number.NaN, -1), 3)).toEqual([
      { min: 1, max: 2, finite: 2 },
      { min: 8, max: 9, finite: 2 },
      { min: -1, max: -1, finite: 1 },
    ]);
  });
});

describe('percentileOf', () => {
  // the numbers of numpy.percentile(values, [0, 25, 40, 50, 75, 99, 100])
  it('interpolates linearly between ranks, as numpy.percentile, and leaves the list as it is', () => {
    const values = [15, 20, 35, 40, 50, 3];
    const found = [0, 25, 40, 50, 75, 99, 100].map(percent => percentileOf(values, percent));
    expect(found).toEqual([3, 16.25, 20, 27.5, 38.75, 49.5, 50]);
    expect(values).toEqual([15, 20, 35, 40, 50, 3]);
  });

  it('at 50 is the median', () => {
    expect([medianOf([7]), medianOf([4, 1]), medianOf([9, 1, 2])]).toEqual([7, 2.5, 2]);
  });
});
