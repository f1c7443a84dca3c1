/** Student's t against SciPy, and where it is known in closed form. */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { noncentralUpperTail, studentQuantile, studentUpperTail } from '../../../src/metrics/student-t.ts';

type Row = readonly [degreesOfFreedom: number, at: number, value: number];

const { tails, quantiles, noncentral } = JSON.parse(
  readFileSync(new URL('../../fixtures/student-t-goldens.json', import.meta.url), 'utf8'),
) as {
  readonly tails: readonly Row[];
  readonly quantiles: readonly Row[];
  readonly noncentral: readonly (readonly [degreesOfFreedom: number, t: number, shift: number, tail: number])[];
};

describe("Student's t", () => {
  it('has the upper tails of SciPy', () => {
    expect(tails).toHaveLength(70);
    for (const [degreesOfFreedom, t, tail] of tails) {
      expect(Math.abs(studentUpperTail(t, degreesOfFreedom) - tail)).toBeLessThan(1e-9 * tail);
    }
  });

  it('has the quantiles of SciPy', () => {
    for (const [degreesOfFreedom, share, t] of quantiles) {
      expect(Math.abs(studentQuantile(share, degreesOfFreedom) / t - 1)).toBeLessThan(1e-9);
    }
  });

  it('has the noncentral tails of SciPy', () => {
    expect(noncentral).toHaveLength(40);
    for (const [degreesOfFreedom, t, shift, tail] of noncentral) {
      expect(Math.abs(noncentralUpperTail(t, degreesOfFreedom, shift) - tail)).toBeLessThan(1e-6);
    }
  });

  it("is Cauchy's distribution with one degree of freedom", () => {
    expect(studentUpperTail(1, 1)).toBeCloseTo(0.25, 14);
    expect(studentQuantile(0.975, 1)).toBeCloseTo(Math.tan(Math.PI * 0.475), 9);
  });

  it('is the normal distribution in the limit', () => {
    expect(studentQuantile(0.975, 1e8)).toBeCloseTo(1.959964, 5);
    expect(studentQuantile(0.5, 3)).toBeCloseTo(0, 12);
  });
});
