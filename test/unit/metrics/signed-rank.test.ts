/** The signed-rank test against SciPy, Wilcoxon's own table, and by hand. */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { ShapeError } from '../../../src/core/errors.ts';
import { smallestSignedRankP, wilcoxonSignedRank } from '../../../src/metrics/signed-rank.ts';

interface Golden {
  readonly name: string;
  readonly method: 'exact' | 'normal';
  readonly a: readonly number[];
  readonly b: readonly number[];
  readonly statistic: number;
  readonly pValue: number;
}

const goldens = JSON.parse(
  readFileSync(new URL('../../fixtures/statistics-goldens.json', import.meta.url), 'utf8'),
) as { readonly cases: readonly Golden[]; readonly sumsOfTenPValues: readonly number[] };

/** Differences as the script of the goldens makes them. */
function randomInputs(count: number): readonly (readonly number[])[] {
  let state = 12345;
  const uniform = (): number => {
    state = (Math.imul(1664525, state) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
  return Array.from({ length: count }, (_, index) => {
    const n = 1 + (index % 60);
    if (index % 2 === 0 || (n > 13 && n < 26)) {
      const shift = 0.4 * uniform();
      return Array.from({ length: n }, () => uniform() - uniform() + shift);
    }
    return Array.from({ length: n }, () => (Math.floor(13 * uniform()) - 5) / 64);
  });
}

describe('the Wilcoxon signed-rank test', () => {
  it.each(goldens.cases)('agrees with SciPy: $name, $method', ({ a, b, statistic, pValue, method }) => {
    const result = wilcoxonSignedRank(a, b);
    expect(result.method).toBe(method);
    expect(result.statistic).toBe(statistic);
    expect(Math.abs(result.pValue / pValue - 1)).toBeLessThan(1e-9);
  });

  it("is SciPy's method='auto' on 10,000 random inputs with and without ties and zeros, of 1 to 60 pairs", () => {
    const inputs = randomInputs(10_000);
    const pValues = inputs.map(
      differences => wilcoxonSignedRank(differences, new Array(differences.length).fill(0)).pValue,
    );
    const sums = goldens.sumsOfTenPValues.map((_, at) =>
      pValues.slice(10 * at, 10 * at + 10).reduce((a, b) => a + b, 0),
    );
    const worst = Math.max(...sums.map((sum, at) => Math.abs(sum - goldens.sumsOfTenPValues[at]!)));
    expect(goldens.sumsOfTenPValues).toHaveLength(1000);
    expect(worst).toBeLessThan(1e-10);
  });

  it("gives the p-value of Wilcoxon's own table: 10 pairs all of one sign, 2 / 2^10", () => {
    const b = Array.from({ length: 10 }, (_, index) => index + 1);
    const result = wilcoxonSignedRank(new Array(10).fill(0), b);
    expect(result).toEqual({ pValue: 2 / 1024, statistic: 0, n: 10, method: 'exact' });
  });

  it('does not depend on which arm comes first', () => {
    const { a, b } = goldens.cases.find(({ name }) => name === 'ties and zeros')!;
    expect(wilcoxonSignedRank(b, a).pValue).toBe(wilcoxonSignedRank(a, b).pValue);
  });

  it('drops pairs without a difference and counts the rest', () => {
    expect(wilcoxonSignedRank([1, 2, 3, 4], [1, 2, 2, 1]).n).toBe(2);
  });

  it('gives p = 1 without any pair or any difference', () => {
    expect(wilcoxonSignedRank([], []).pValue).toBe(1);
    expect(wilcoxonSignedRank([0.8, 0.9], [0.8, 0.9])).toEqual({ pValue: 1, statistic: 0, n: 0, method: 'exact' });
  });

  it('cannot give less than the p of differences of one sign', () => {
    for (const n of [1, 2, 6, 13]) {
      const differences = Array.from({ length: n }, () => 0.25);
      expect(wilcoxonSignedRank(differences, new Array(n).fill(0)).pValue).toBe(smallestSignedRankP(n));
    }
    expect(smallestSignedRankP(0)).toBe(1);
  });

  it('refuses pairs of unequal number', () => {
    expect(() => wilcoxonSignedRank([1], [1, 2])).toThrow(ShapeError);
  });
});
