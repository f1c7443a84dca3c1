import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { ShapeError } from '../../../src/core/errors.ts';
import { random } from '../../../src/core/random.ts';
import { bootstrapMean, holm, wilcoxonSignedRank } from '../../../src/metrics/statistics.ts';

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
) as {
  readonly cases: readonly Golden[];
  readonly holms: readonly { readonly pValues: readonly number[]; readonly adjusted: readonly number[] }[];
};

describe('the bootstrap interval of a mean', () => {
  const source = random(11, 'cases');
  const values = Array.from({ length: 400 }, () => 0.8 + 0.1 * source.normal());

  it('is the normal interval mean +- 1.96 s / sqrt(n) for many cases, within resampling error', () => {
    const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
    const deviation = Math.sqrt(values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length);
    const half = (1.96 * deviation) / Math.sqrt(values.length);
    const { mean: estimated, ci95, n } = bootstrapMean(values, { seed: 5 });
    expect(n).toBe(400);
    expect(estimated).toBeCloseTo(mean, 12);
    expect(Math.abs(ci95[0] - (mean - half))).toBeLessThan(0.12 * half);
    expect(Math.abs(ci95[1] - (mean + half))).toBeLessThan(0.12 * half);
  });

  it('is the same for the same seed and another for another seed', () => {
    expect(bootstrapMean(values, { seed: 1 })).toEqual(bootstrapMean(values, { seed: 1 }));
    expect(bootstrapMean(values, { seed: 1 }).ci95).not.toEqual(bootstrapMean(values, { seed: 2 }).ci95);
  });

  it('reaches the extreme resamples of two cases, each of probability 1/4', () => {
    expect(bootstrapMean([0, 1])).toEqual({ mean: 0.5, ci95: [0, 1], n: 2 });
  });

  it('is the value itself for one case, and undefined without a case', () => {
    expect(bootstrapMean([0.7])).toEqual({ mean: 0.7, ci95: [0.7, 0.7], n: 1 });
    expect(bootstrapMean([])).toEqual({ mean: Number.NaN, ci95: [Number.NaN, Number.NaN], n: 0 });
  });
});

describe('the Wilcoxon signed-rank test', () => {
  it.each(goldens.cases)('agrees with SciPy: $name, $method', ({ a, b, statistic, pValue, method }) => {
    const result = wilcoxonSignedRank(a, b);
    expect(result.method).toBe(method);
    expect(result.statistic).toBe(statistic);
    expect(Math.abs(result.pValue / pValue - 1)).toBeLessThan(1e-9);
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

  it('refuses pairs of unequal number', () => {
    expect(() => wilcoxonSignedRank([1], [1, 2])).toThrow(ShapeError);
  });
});

describe("Holm's correction", () => {
  it('multiplies ascending p-values by the number of remaining hypotheses, monotone, in the order given', () => {
    // The worked example of R's p.adjust(c(0.01, 0.04, 0.03, 0.005), "holm").
    const adjusted = holm([0.01, 0.04, 0.03, 0.005]);
    [0.03, 0.06, 0.06, 0.02].forEach((expected, index) => {
      expect(adjusted[index]).toBeCloseTo(expected, 12);
    });
  });

  it.each(goldens.holms)(
    'is the least level at which the step-down test rejects: $pValues',
    ({ pValues, adjusted }) => {
      holm(pValues).forEach((value, index) => {
        expect(value).toBeCloseTo(adjusted[index]!, 12);
      });
    },
  );

  it('never exceeds 1 and leaves a single p-value as it is', () => {
    expect(holm([0.6, 0.7])).toEqual([1, 1]);
    expect(holm([0.2])).toEqual([0.2]);
    expect(holm([])).toEqual([]);
  });
});
