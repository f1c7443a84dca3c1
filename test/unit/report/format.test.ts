import { describe, expect, it } from 'vitest';
import {
  formatBytes,
  formatCount,
  formatDice,
  formatDuration,
  formatPValue,
  formatSeconds,
  formatShare,
  formatSigned,
} from '../../../src/report/format.ts';

describe('numbers in the report', () => {
  it('writes what is missing or not finite as n/a', () => {
    for (const value of [null, undefined, Number.NaN, Number.POSITIVE_INFINITY]) {
      for (const format of [formatDice, formatSigned, formatCount, formatBytes, formatSeconds]) {
        expect(format(value)).toBe('n/a');
      }
      expect(formatShare(value, 2)).toBe('n/a');
    }
    expect(formatShare(1, 0)).toBe('n/a');
  });

  it('keeps three significant digits across units, also where rounding reaches the next unit', () => {
    expect([5598, 88_851, 999_499, 999_500, 1.23e6, 4.56e9].map(formatCount)).toEqual([
      '5598',
      '88.9 k',
      '999 k',
      '1.00 M',
      '1.23 M',
      '4.56 G',
    ]);
    expect([912, 356_000, 999_600, 2.41e9].map(formatBytes)).toEqual(['912 B', '356 kB', '1.00 MB', '2.41 GB']);
    expect([0.085, 0.9999, 1.239].map(formatSeconds)).toEqual(['85.0 ms', '1.00 s', '1.24 s']);
  });

  it('gives shares in percent, small and large', () => {
    expect([formatShare(1, 16), formatShare(1, 1000), formatShare(26, 25)]).toEqual(['6.25 %', '0.10 %', '104 %']);
  });

  it('never rounds a p value to zero', () => {
    expect([formatPValue(0.00001), formatPValue(0.0314)]).toEqual(['p < 0.001', 'p = 0.031']);
  });

  it('signs differences', () => {
    expect([formatSigned(0.0123), formatSigned(-0.0123)]).toEqual(['+0.012', '\u22120.012']);
  });

  it.each([
    [0.4, '0 s'],
    [59.6, '1 min 00 s'],
    [200, '3 min 20 s'],
    [3905, '1 h 05 min'],
  ])('writes %d seconds as %s', (seconds, text) => {
    expect(formatDuration(seconds)).toBe(text);
  });
});
