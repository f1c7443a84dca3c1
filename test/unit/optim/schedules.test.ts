/** Learning-rate schedules against their formulas. */
import { describe, expect, it } from 'vitest';
import { weightAt } from '../../../src/distillation/ramp.ts';
import { reducedRate, type Schedule, scheduleFactor } from '../../../src/optim/schedules.ts';

const STEPS = 100;
const factors = (schedule: Schedule, steps = STEPS): number[] =>
  Array.from({ length: steps }, (_, step) => scheduleFactor(schedule, step, steps));

describe('scheduleFactor', () => {
  it('stays at 1 where it is constant', () => {
    expect(new Set(factors({ kind: 'constant', warmupSteps: 0, power: 0.9 }))).toEqual(new Set([1]));
  });

  it('falls as (1 - s/S)^.9 for poly, as in nnU-Net', () => {
    const poly = factors({ kind: 'poly', warmupSteps: 0, power: 0.9 });
    expect(poly[0]).toBe(1);
    expect(poly[50]).toBeCloseTo(0.5 ** 0.9, 12);
    expect(poly[99]).toBeCloseTo(0.01 ** 0.9, 12);
  });

  it('falls as half a cosine wave', () => {
    const cosine = factors({ kind: 'cosine', warmupSteps: 0, power: 0.9 });
    expect(cosine[0]).toBe(1);
    expect(cosine[25]).toBeCloseTo((1 + Math.SQRT1_2) / 2, 12);
    expect(cosine[50]).toBeCloseTo(0.5, 12);
    expect(cosine[75]).toBeCloseTo((1 - Math.SQRT1_2) / 2, 12);
  });

  it.each(['constant', 'poly', 'cosine'] as const)('rises evenly to 1 over the warm-up, then follows %s', kind => {
    const warm = factors({ kind, warmupSteps: 4, power: 0.9 }, STEPS + 4);
    [0.2, 0.4, 0.6, 0.8, 1].forEach((factor, step) => void expect(warm[step]).toBeCloseTo(factor, 12));
    const cold = factors({ kind, warmupSteps: 0, power: 0.9 });
    expect(warm.slice(4)).toEqual(cold);
  });

  it.each(['constant', 'poly', 'cosine'] as const)('%s never rises after the warm-up and stays in (0, 1]', kind => {
    const own = factors({ kind, warmupSteps: 3, power: 0.9 });
    own.slice(4).forEach((factor, index) => void expect(factor).toBeLessThanOrEqual(own[index + 3]!));
    for (const factor of own) {
      expect(factor).toBeGreaterThan(0);
      expect(factor).toBeLessThanOrEqual(1);
    }
  });

  it('still moves at its last step, while the ramp of a term is at its end there', () => {
    for (const kind of ['poly', 'cosine'] as const) {
      const schedule: Schedule = { kind, warmupSteps: 0, power: 0.9 };
      expect(scheduleFactor(schedule, STEPS - 1, STEPS)).toBeGreaterThan(0);
      expect(scheduleFactor(schedule, STEPS, STEPS)).toBe(0);
      const ramp = { start: 1, end: 0, curve: kind === 'poly' ? 'linear' : 'cosine', warmupSteps: 0 } as const;
      expect(weightAt(ramp, { step: STEPS - 1, steps: STEPS })).toBe(0);
      expect(weightAt(ramp, { step: STEPS - 2, steps: STEPS })).toBeGreaterThan(0);
    }
  });

  it('is finite when there is one step, and when all steps are warm-up', () => {
    expect(scheduleFactor({ kind: 'poly', warmupSteps: 0, power: 0.9 }, 0, 1)).toBe(1);
    expect(factors({ kind: 'cosine', warmupSteps: 5, power: 0.9 }, 5).every(Number.isFinite)).toBe(true);
  });
});

describe('reducedRate', () => {
  const plateau: Schedule = {
    ...{ kind: 'plateau', warmupSteps: 2, power: 0.9 },
    ...{ factor: 0.1, patience: 3, smallestRate: 1e-5 },
  };

  it('multiplies the rate by the factor at each reduction, down to the smallest rate', () => {
    const rates = [0, 1, 2, 3, 9].map(reductions => reducedRate(plateau, 1e-3, reductions));
    expect(rates).toEqual([1e-3, expect.closeTo(1e-4), expect.closeTo(1e-5, 12), 1e-5, 1e-5]);
  });

  it('never raises a rate that is below the smallest one', () => {
    expect(reducedRate(plateau, 1e-6, 4)).toBe(1e-6);
  });

  it('leaves other schedules alone, and plateau has the warm-up of the others', () => {
    expect(reducedRate({ kind: 'cosine', warmupSteps: 0, power: 1 }, 0.1, 5)).toBe(0.1);
    expect([0, 1, 2, 9].map(step => scheduleFactor(plateau, step, 10))).toEqual([1 / 3, 2 / 3, 1, 1]);
  });
});
