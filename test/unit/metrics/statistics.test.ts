import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { holm } from '../../../src/metrics/statistics.ts';

const goldens = JSON.parse(
  readFileSync(new URL('../../fixtures/statistics-goldens.json', import.meta.url), 'utf8'),
) as {
  readonly holms: readonly { readonly pValues: readonly number[]; readonly adjusted: readonly number[] }[];
};

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
