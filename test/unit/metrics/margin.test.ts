/** The test against a margin and its power, by hand and by simulation. */
import { describe, expect, it } from 'vitest';
import { random } from '../../../src/core/random.ts';
import { crossedSpread } from '../../../src/metrics/crossed-mean.ts';
import { casesNeeded, judgeMargin, marginPower } from '../../../src/metrics/margin.ts';

const spreadOf = (values: readonly number[]) => crossedSpread([[{ table: [values], sign: 1 }]]);
const NO_MODELS = { variance: 0, degreesOfFreedom: Number.POSITIVE_INFINITY };

describe('the test against a margin', () => {
  // mean -1, s^2 = 2 / 6 cases: standard error sqrt(1 / 3) = 0.577; t(0.95, 4) = 2.1318, so the ends are -2.231 and
  // 0.231
  const spread = spreadOf([-3, -2, -1, -1, 0, 1]);

  it('has three verdicts, by where the one-sided bounds lie', () => {
    expect(judgeMargin(spread, 2.3).verdict).toBe('not worse');
    expect(judgeMargin(spread, 2.2).verdict).toBe('cannot tell');
    // 3 lower, the ends are -5.231 and -2.769
    const lower = spreadOf([-6, -5, -4, -4, -3, -2]);
    expect(judgeMargin(lower, 2.7).verdict).toBe('worse');
    expect(judgeMargin(lower, 2.8).verdict).toBe('cannot tell');
    expect(judgeMargin(lower, 5.3).verdict).toBe('not worse');
  });

  it('has the bounds and the p-value of a one-sided t test', () => {
    const { ci90, pNotWorse, pWorse } = judgeMargin(spread, 2.2309);
    expect(ci90[0]).toBeCloseTo(-1 - 2.131847 * Math.sqrt(1 / 3), 5);
    expect(ci90[1]).toBeCloseTo(-1 + 2.131847 * Math.sqrt(1 / 3), 5);
    expect(pNotWorse).toBeCloseTo(0.05, 3);
    expect(pNotWorse + pWorse).toBeCloseTo(1, 12);
  });

  it('cannot tell below five cases, whatever they say', () => {
    expect(judgeMargin(spreadOf([0.1, 0.1, 0.1, 0.1]), 0.01)).toMatchObject({
      verdict: 'cannot tell',
      pNotWorse: Number.NaN,
    });
    expect(judgeMargin(spreadOf([0, 0, 0, 0, 0]), 0.01)).toMatchObject({ verdict: 'not worse', pNotWorse: 0 });
  });

  it('takes an arm that loses the margin for not worse in 5 of 100 studies at most', () => {
    const source = random(2, 'margin');
    for (const cases of [6, 20]) {
      let wrong = 0;
      for (let study = 0; study < 2000; study++) {
        const values = Array.from({ length: cases }, () => source.normal() - 0.5);
        if (judgeMargin(spreadOf(values), 0.5).verdict === 'not worse') wrong++;
      }
      expect(wrong / 2000).toBeLessThan(0.06);
    }
  });
});

describe('the power against a margin', () => {
  const plan = { caseVariance: 0.02 ** 2, models: NO_MODELS, margin: 0.01, difference: 0 };

  it('is what simulated studies find', () => {
    const source = random(3, 'power');
    let found = 0;
    for (let study = 0; study < 4000; study++) {
      const values = Array.from({ length: 20 }, () => 0.02 * source.normal());
      if (judgeMargin(spreadOf(values), 0.01).verdict === 'not worse') found++;
    }
    expect(Math.abs(found / 4000 - marginPower(plan, 20))).toBeLessThan(0.02);
  });

  it('needs about (z.95 + z.80)^2 s^2 / margin^2 cases, a few more for Student', () => {
    const normal = ((1.6449 + 0.8416) * 0.02) ** 2 / 0.01 ** 2;
    const cases = casesNeeded(plan, 0.8)!;
    expect(cases).toBeGreaterThan(normal);
    expect(cases).toBeLessThan(normal + 3);
    expect(marginPower(plan, cases)).toBeGreaterThanOrEqual(0.8);
    expect(marginPower(plan, cases - 1)).toBeLessThan(0.8);
    expect(casesNeeded(plan, 0.9)!).toBeGreaterThan(cases);
  });

  it('is out of reach where the loss is the margin, or where the models alone differ too much', () => {
    expect(casesNeeded({ ...plan, difference: -0.01 }, 0.8)).toBeNull();
    expect(casesNeeded({ ...plan, models: { variance: 0.01 ** 2, degreesOfFreedom: 2 } }, 0.8)).toBeNull();
    expect(casesNeeded({ ...plan, models: { variance: 0.001 ** 2, degreesOfFreedom: 2 } }, 0.8)).toBeGreaterThan(
      casesNeeded(plan, 0.8)!,
    );
  });
});
