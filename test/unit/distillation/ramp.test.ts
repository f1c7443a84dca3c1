/** Weights and temperatures that change over the steps, by their formulas. */
import { describe, expect, it } from 'vitest';
import { temperatureAt, weightAt } from '../../../src/distillation/ramp.ts';
import { balanceExponent } from '../../../src/training/step-numbers.ts';

const STEADY = { warmupSteps: 0, start: 0.4, end: 0.4, curve: 'linear' } as const;

describe('a number that changes over the steps', () => {
  it('stays as it is without a warm-up and another end', () => {
    for (const ramp of [0.4, STEADY, { ...STEADY, curve: 'cosine' }] as const) {
      expect([0, 50, 99].map(step => weightAt(ramp, { step, steps: 100 }))).toEqual([0.4, 0.4, 0.4]);
      expect([0, 50, 99].map(step => temperatureAt(ramp, { step, steps: 100 }))).toEqual([0.4, 0.4, 0.4]);
    }
  });

  it('rises from 0 in equal parts over the warm-up and is whole after it, as a weight', () => {
    const rising = { ...STEADY, warmupSteps: 3 };
    const values = [0, 1, 2, 3].map(step => weightAt(rising, { step, steps: 100 }));
    expect(values).toEqual([0.1, 0.2, expect.closeTo(0.3), 0.4]);
  });

  it('waits at its start over the warm-up, as a temperature', () => {
    const waiting = { ...STEADY, start: 5, end: 1, warmupSteps: 4 };
    expect([0, 3, 4, 6, 8].map(step => temperatureAt(waiting, { step, steps: 9 }))).toEqual([5, 5, 5, 3, 1]);
  });

  it('reaches the end at the last step in a straight line', () => {
    const falling = { ...STEADY, end: 0, warmupSteps: 1 };
    expect(weightAt(falling, { step: 1, steps: 101 })).toBeCloseTo(0.4, 12);
    expect(weightAt(falling, { step: 50.5, steps: 101 })).toBeCloseTo(0.2, 12);
    expect(weightAt(falling, { step: 100, steps: 101 })).toBeCloseTo(0, 12);
  });

  it('or on half a cosine, flat at both ends', () => {
    const falling = { ...STEADY, start: 2, end: 1, curve: 'cosine' } as const;
    // 2 - (1 - cos(pi / 4)) / 2 and its mirror
    const expected = [2, 1.853553390593, 1.5, 1.146446609407, 1];
    for (const at of [weightAt, temperatureAt]) {
      expect([0, 25, 50, 75, 100].map(step => at(falling, { step, steps: 101 }))).toEqual(
        expected.map(value => expect.closeTo(value, 10)),
      );
    }
  });
});

describe('annealed class weights', () => {
  it('go from balanced to uniform over the first half of the steps', () => {
    expect([0, 25, 50, 75].map(step => balanceExponent(step, 100))).toEqual([1, 0.5, 0, 0]);
  });
});
