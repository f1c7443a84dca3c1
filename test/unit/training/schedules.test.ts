import { describe, expect, it } from 'vitest';
import { balanceExponent, type ScheduledTerm, termWeight } from '../../../src/training/trainer.ts';

const term = (numbers: Partial<ScheduledTerm>): ScheduledTerm => ({
  name: 'kd',
  weights: 'uniform',
  weight: 0.4,
  finalWeight: 0.4,
  temperature: 2,
  warmupSteps: 0,
  ...numbers,
});

describe('the weight of a soft term', () => {
  it('stays as it is without a warm-up and another final weight', () => {
    expect([0, 50, 99].map(step => termWeight(term({}), step, 100))).toEqual([0.4, 0.4, 0.4]);
  });

  it('rises in equal parts over the warm-up and is whole after it', () => {
    const rising = term({ warmupSteps: 3 });
    expect([0, 1, 2, 3].map(step => termWeight(rising, step, 100))).toEqual([0.1, 0.2, expect.closeTo(0.3), 0.4]);
  });

  it('reaches the final weight at the last step in a straight line', () => {
    const falling = term({ finalWeight: 0, warmupSteps: 1 });
    expect(termWeight(falling, 1, 101)).toBeCloseTo(0.4, 12);
    expect(termWeight(falling, 50.5, 101)).toBeCloseTo(0.2, 12);
    expect(termWeight(falling, 100, 101)).toBeCloseTo(0, 12);
  });
});

describe('annealed class weights', () => {
  it('go from balanced to uniform over the first half of the steps', () => {
    expect([0, 25, 50, 75].map(step => balanceExponent(step, 100))).toEqual([1, 0.5, 0, 0]);
  });
});
