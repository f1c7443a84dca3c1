import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { random } from '../../../src/core/random.ts';
import { bootstrapMean, holm } from '../../../src/metrics/statistics.ts';

const goldens = JSON.parse(
  readFileSync(new URL('../../fixtures/statistics-goldens.json', import.meta.url), 'utf8'),
) as {
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
