import { describe, expect, it } from 'vitest';
import {
  formatBytes,
  formatCount,
  formatDice,
  formatDuration,
  formatNumber,
  formatPValue,
  formatSeconds,
  formatShare,
  formatSigned,
  formatWhole,
  listSome,
  plural,
} from '../../../src/core/format.ts';

describe('numbers for people', () => {
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
    expect([formatSigned(-12.34, 1), formatSigned(12.34, 1)]).toEqual(['\u221212.3', '+12.3']);
  });

  it('writes a true minus, and no negative zero', () => {
    expect([formatNumber(-4.02, 1), formatNumber(-0.0004, 3)]).toEqual(['\u22124.0', '0.000']);
  });

  it('keeps the sign of a difference that rounds to zero, so that an interval with zero in it shows it', () => {
    expect([formatSigned(-0.0004), formatSigned(0.0004), formatSigned(0)]).toEqual(['\u22120.000', '+0.000', '+0.000']);
  });

  it('lists the first five of many', () => {
    expect([listSome([]), listSome(['a']), listSome(['a', 'b'], '; ')]).toEqual(['', 'a', 'a; b']);
    expect(listSome([...'abcde'])).toBe('a, b, c, d, e');
    expect(listSome([...'abcdefg'])).toBe('a, b, c, d, e and 2 more');
  });

  it('groups the digits of a count, and counts things', () => {
    expect([0, 5598, 199_131, 1_234_567].map(formatWhole)).toEqual(['0', '5,598', '199,131', '1,234,567']);
    expect([plural(0, 'case'), plural(1, 'case'), plural(2, 'case')]).toEqual(['0 cases', '1 case', '2 cases']);
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
