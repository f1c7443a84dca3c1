import { describe, expect, it } from 'vitest';
import { type Ramp, rampAt } from '../../../src/training/ramp.ts';
import { balanceExponent } from '../../../src/training/trainer.ts';

const ramp = (numbers: Partial<Ramp>): Ramp => ({
  from: 0,
  warmupSteps: 0,
  start: 0.4,
  end: 0.4,
  curve: 'linear',
  ...numbers,
});

describe('a number that changes over the steps', () => {
  it('stays as it is without a warm-up and another end', () => {
    for (const curve of ['linear', 'cosine'] as const) {
      expect([0, 50, 99].map(step => rampAt(ramp({ curve }), step, 100))).toEqual([0.4, 0.4, 0.4]);
    }
  });

  it('rises in equal parts over the warm-up and is whole after it', () => {
    const rising = ramp({ warmupSteps: 3 });
    expect([0, 1, 2, 3].map(step => rampAt(rising, step, 100))).toEqual([0.1, 0.2, expect.closeTo(0.3), 0.4]);
  });

  it('waits at its start where the warm-up comes from there', () => {
    const waiting = ramp({ from: 5, start: 5, end: 1, warmupSteps: 4 });
    expect([0, 3, 4].map(step => rampAt(waiting, step, 9))).toEqual([5, 5, 5]);
    expect([6, 8].map(step => rampAt(waiting, step, 9))).toEqual([3, 1]);
  });

  it('reaches the end at the last step in a straight line', () => {
    const falling = ramp({ end: 0, warmupSteps: 1 });
    expect(rampAt(falling, 1, 101)).toBeCloseTo(0.4, 12);
    expect(rampAt(falling, 50.5, 101)).toBeCloseTo(0.2, 12);
    expect(rampAt(falling, 100, 101)).toBeCloseTo(0, 12);
  });

  it('or on half a cosine, flat at both ends', () => {
    const falling = ramp({ start: 2, end: 1, curve: 'cosine' });
    // 2 - (1 - cos(pi / 4)) / 2 and its mirror
    const expected = [2, 1.853553390593, 1.5, 1.146446609407, 1];
    expect([0, 25, 50, 75, 100].map(step => rampAt(falling, step, 101))).toEqual(
      expected.map(value => expect.closeTo(value, 10)),
    );
  });
});

describe('annealed class weights', () => {
  it('go from balanced to uniform over the first half of the steps', () => {
    expect([0, 25, 50, 75].map(step => balanceExponent(step, 100))).toEqual([1, 0.5, 0, 0]);
  });
});
