/** Means over cases, models and folds: intervals worked out by hand, and how often they hold the truth. */
import { describe, expect, it } from 'vitest';
import { random } from '../../../src/core/random.ts';
import {
  caseValues,
  crossedMean,
  crossedSpread,
  estimateMean,
  type ScoreTable,
} from '../../../src/metrics/crossed-mean.ts';
import { studentQuantile } from '../../../src/metrics/student-t.ts';

const one = (table: ScoreTable) => [{ table, sign: 1 }] as const;
const NOTHING = [Number.NaN, Number.NaN];

describe('the mean over cases of one model', () => {
  it('is mean +- t s / sqrt(n), t with n - 2 degrees of freedom', () => {
    // s^2 = 10 / 5, so s / sqrt(6) = sqrt(1 / 3); t(0.975, 4) = 2.7764
    const { mean, ci95, n } = estimateMean([1, 2, 3, 3, 4, 5]);
    expect([mean, n]).toEqual([3, 6]);
    expect(ci95[0]).toBeCloseTo(3 - 2.776445 * Math.sqrt(1 / 3), 5);
    expect(ci95[1]).toBeCloseTo(3 + 2.776445 * Math.sqrt(1 / 3), 5);
  });

  it('has no interval for fewer than five cases, and no mean without any', () => {
    expect(estimateMean([0.5, 0.5, 1, 1])).toEqual({ mean: 0.75, ci95: NOTHING, n: 4 });
    expect(estimateMean([0.5, 0.5, 1, 1, 0.75]).ci95.every(Number.isFinite)).toBe(true);
    expect(estimateMean([])).toEqual({ mean: Number.NaN, ci95: NOTHING, n: 0 });
  });

  it('is cut to what the score can be', () => {
    expect(estimateMean([0.9, 1, 1, 1, 1], [0, 1]).ci95[1]).toBe(1);
  });

  it('is a point where all cases are alike', () => {
    expect(estimateMean([0.5, 0.5, 0.5, 0.5, 0.5])).toEqual({ mean: 0.5, ci95: [0.5, 0.5], n: 5 });
  });
});

describe('the mean over cases and seeds', () => {
  it('has the spread of the models where cases are alike: two models at 0 and 1 and one degree of freedom', () => {
    const { standardError, degreesOfFreedom, models } = crossedSpread([
      one([new Array(30).fill(0), new Array(30).fill(1)]),
    ]);
    expect(standardError).toBeCloseTo(0.5, 12);
    expect(degreesOfFreedom).toBeCloseTo(1, 12);
    expect(models).toEqual({ variance: 0.25, degreesOfFreedom: 1 });
  });

  it('adds variances of cases and models, with degrees of freedom by Satterthwaite', () => {
    // case values 0 1 2 3 4: variance 2.5 / 5; models at -1, 0, 1 about it: variance 1 / 3
    const cases = [0, 1, 2, 3, 4];
    const spread = crossedSpread([one([-1, 0, 1].map(model => cases.map(value => value + model)))]);
    expect(spread.standardError ** 2).toBeCloseTo(0.5 + 1 / 3, 12);
    expect(spread.degreesOfFreedom).toBeCloseTo((5 / 6) ** 2 / (0.25 / 3 + 1 / 9 / 2), 12);
    expect(spread).toMatchObject({ mean: 2, n: 5, caseVariance: 2.5 });
  });

  it('adds the models of both arms where they are unrelated', () => {
    const flat = (value: number) => new Array<number>(6).fill(value);
    const arm = [flat(0), flat(1)];
    const spread = crossedSpread([
      [
        { table: arm, sign: 1 },
        { table: arm, sign: -1 },
      ],
    ]);
    expect(spread.mean).toBe(0);
    expect(spread.standardError ** 2).toBeCloseTo(0.5, 12);
  });

  it('means a case over the models that have scored it, and leaves out one that none has', () => {
    const table = [
      [0.5, 0.9, null],
      [0.7, null, null],
    ];
    const [first, ...others] = caseValues(one(table));
    expect(first).toBeCloseTo(0.6, 12);
    expect(others).toEqual([0.9, null]);
    expect(crossedMean([one(table)])).toMatchObject({ n: 2 });
    expect(crossedMean([one([[null]])])).toEqual({ mean: Number.NaN, ci95: NOTHING, n: 0 });
  });
});

describe('the mean over folds', () => {
  it('takes the cases of all folds together, so that folds of one case each add theirs', () => {
    const values = [-0.039, -0.073, 0.041, -0.008, -0.003, -0.053];
    const folds = [one([values.slice(0, 2)]), ...values.slice(2).map(value => one([[value]]))];
    const { ci95, mean } = crossedMean(folds);
    expect(mean).toBeCloseTo(-0.0225, 12);
    // the plain t interval is -0.065 to 0.020
    expect(ci95[0]).toBeLessThan(-0.06);
    expect(ci95[1]).toBeGreaterThan(0.015);
  });

  it('goes by the means of the folds where they lie further apart than cases explain', () => {
    const folds = [0, 1, 2].map(value => one([new Array<number>(10).fill(value)]));
    const { standardError, degreesOfFreedom } = crossedSpread(folds);
    expect(standardError ** 2).toBeCloseTo(1 / 3, 12);
    expect(degreesOfFreedom).toBe(2);
  });
});

it('holds the truth in 92 of 100 studies or more, for few cases and folds of one or two', () => {
  const source = random(4, 'coverage');
  const repetitions = 3000;
  for (const [cases, folds] of [
    [5, 5],
    [6, 5],
    [10, 3],
  ] as const) {
    let held = 0;
    for (let repetition = 0; repetition < repetitions; repetition++) {
      const values = Array.from({ length: cases }, () => source.normal());
      const strata = Array.from({ length: folds }, (_, fold) =>
        one([values.slice(Math.floor((fold * cases) / folds), Math.floor(((fold + 1) * cases) / folds))]),
      );
      const { ci95 } = crossedMean(strata);
      if (ci95[0] <= 0 && ci95[1] >= 0) held++;
    }
    expect(held / repetitions).toBeGreaterThan(0.92);
  }
  expect(studentQuantile(0.975, 3)).toBeCloseTo(3.182446, 5);
});
