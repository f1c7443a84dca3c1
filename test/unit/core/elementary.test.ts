import { describe, expect, it } from 'vitest';
import { addXLogX, exponential, powerTable, raise } from '../../../src/core/elementary.ts';

/** Numbers of all sizes that float32 has, and those at the ends of octaves and steps. */
const NUMBERS = Float32Array.from([
  ...Array.from({ length: 4000 }, (_, i) => 10 ** (-37 + (37 * i) / 4000) * (1 + (i % 7) / 9)),
  ...[1, 0.5, 0.25, 1 - 2 ** -24, 0.5 + 2 ** -24, 2 ** -126],
]);

describe('exponential', () => {
  it('is exp within a fraction of the rounding of float32', () => {
    const errors: number[] = [];
    for (let x = 0; x >= -103; x -= 0.0137) errors.push(Math.abs(exponential(x) / Math.exp(x) - 1));
    expect(Math.max(...errors)).toBeLessThan(4e-9);
  });

  it('is exactly 1 at 0, and 0 where float32 has nothing smaller', () => {
    expect([exponential(0), exponential(-0), exponential(-105), exponential(Number.NEGATIVE_INFINITY)]).toEqual([
      1, 1, 0, 0,
    ]);
  });

  it('stays NaN for NaN, so that a diverged model is found out', () => {
    expect(exponential(Number.NaN)).toBeNaN();
  });
});

describe('raise', () => {
  it.each([0.3, 0.9, 1, 1.7, 3])('raises numbers of every size to the power %f', power => {
    const values = NUMBERS.slice();
    raise(values, { from: 0, count: values.length }, powerTable(power));
    const bound = 6.1e-8 + 8e-9 * Math.abs(power * (power - 1));
    const exact = Float64Array.from(NUMBERS, one => one ** power);
    // what is below the smallest full number of float32 is rounded more coarsely
    const rest = 2 ** -149;
    const errors = values.map((value, i) => Math.max(0, Math.abs(value - exact[i]!) - rest) / exact[i]!);
    expect(Math.max(...errors)).toBeLessThan(bound);
  });

  it('takes 0, negative numbers, and numbers too small for a full mantissa', () => {
    const values = Float32Array.of(0, -0.5, 1e-40, 9);
    raise(values, { from: 0, count: 3 }, powerTable(0.5));
    expect([...values]).toEqual([0, 0, Math.fround(Math.sqrt(Math.fround(1e-40))), 9]);
  });

  it('makes NaN of what is not finite', () => {
    const values = Float32Array.of(Number.NaN, Number.POSITIVE_INFINITY);
    raise(values, { from: 0, count: 2 }, powerTable(0.5));
    expect([...values]).toEqual([Number.NaN, Number.NaN]);
  });
});

describe('addXLogX', () => {
  it('adds x log x of a part of an array to sums', () => {
    const sums = new Float64Array(NUMBERS.length - 1).fill(1);
    addXLogX(NUMBERS, { from: 1, count: sums.length }, sums);
    const errors = sums.map((sum, i) => Math.abs(sum - 1 - NUMBERS[i + 1]! * Math.log(NUMBERS[i + 1]!)));
    const beyond = errors.map((error, i) => error - 8e-9 * NUMBERS[i + 1]!);
    expect(Math.max(...beyond)).toBeLessThan(1e-15);
  });

  it('adds nothing for 0 and for negative numbers', () => {
    const sums = new Float64Array(2);
    addXLogX(Float32Array.of(0, -0.1), { from: 0, count: 2 }, sums);
    expect([...sums]).toEqual([0, 0]);
  });
});
