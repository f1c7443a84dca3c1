import { describe, expect, it } from 'vitest';
import { headline } from '../../../src/report/headline.ts';
import { arm, comparison, pair } from './fixtures.ts';

describe('the headline of a report', () => {
  it('says that no difference was found where p is 0.05 or more, however large the mean difference', () => {
    const text = headline(comparison([pair('student', 'baseline', 0.3, 0.05)]));
    expect(text).toMatch(/^No difference found between the distilled student/);
    expect(text).not.toMatch(/higher|lower/);
    expect(text).toContain('p = 0.050');
  });

  it('goes by the p that is corrected for several tests', () => {
    const test = { ...pair('student', 'baseline', 0.02, 0.04), pValueHolm: 0.12 };
    expect(headline(comparison([test]))).toMatch(/^No difference found.*p = 0\.120/);
  });

  it('says higher or lower by the sign of a difference that is found, with its interval and number of cases', () => {
    expect(headline(comparison([pair('student', 'baseline', 0.02, 0.0004)]))).toContain(
      'student scores higher than the same network trained without a teacher (mean difference +0.020, 95 % CI +0.010 to +0.040, p < 0.001, 40 cases)',
    );
    expect(headline(comparison([pair('student', 'baseline', -0.02, 0.01)]))).toContain('student scores lower');
  });

  it('turns a test round that was recorded as baseline minus student, interval included', () => {
    expect(headline(comparison([pair('baseline', 'student', -0.02, 0.01)]))).toContain(
      'scores higher than the same network trained without a teacher (mean difference +0.020, 95 % CI +0.000 to +0.030',
    );
  });

  it('calls an undefined p value no difference', () => {
    expect(headline(comparison([pair('student', 'baseline', 0.02, Number.NaN)]))).toMatch(/^No difference found/);
  });

  it('names a surface distance that got worse, and none that did not', () => {
    const dice = pair('student', 'baseline', 0.02, 0.001);
    const distance = (by: number, pValue: number) => ({
      ...pair('student', 'baseline', by, pValue),
      metric: 'hd95Mm:Anterior',
    });
    expect(headline(comparison([dice, distance(2.15, 0.01)]))).toContain(
      'Its surface lies further off than that of the network without a teacher: HD95 of Anterior (+2.15 mm, p = 0.010).',
    );
    for (const test of [distance(-2.15, 0.01), distance(2.15, 0.2)]) {
      expect(headline(comparison([dice, test]))).not.toContain('further off');
    }
  });

  it('says that there are too few cases where no p below 0.05 is possible', () => {
    const test = { ...pair('student', 'baseline', 0.02, 0.094), smallestPHolm: 0.094, n: 6 };
    expect(headline(comparison([test]))).toMatch(
      /^6 cases cannot tell the distilled student.*: p cannot fall below 0\.094/,
    );
  });

  it('does not take a test of one class for the test of the mean', () => {
    const test = { ...pair('student', 'baseline', 0.02, 0.001), metric: 'dice:Anterior' };
    expect(headline(comparison([test]))).toContain('was not tested against a baseline');
  });

  it('gives the size of the student as a share of the teacher', () => {
    const text = headline(
      comparison([pair('student', 'baseline', 0.02, 0.01), pair('student', 'teacher', -0.03, 0.002)]),
    );
    expect(text).toContain(
      "With 6.25 % of the teacher's parameters it reaches mean Dice 0.850 against 0.880, which is lower",
    );
  });

  it('does not hold mean Dice of some classes against that of others', () => {
    const { arms, pairs } = comparison([pair('student', 'baseline', 0.02, 0.01)]);
    const taught = { ...arms['teacher']!, classes: { 'Anterior+Posterior': 0.9 } };
    expect(headline({ arms: { ...arms, teacher: taught }, pairs })).toMatch(
      /its classes are Anterior, Posterior, those of the teacher Anterior\+Posterior; means over different classes are not compared\.$/,
    );
  });

  it('lists other arms without ranking them', () => {
    expect(headline({ arms: { one: arm(0.8, 10), two: arm(0.9, 10) }, pairs: [] })).toBe(
      'Mean Dice: one 0.800, two 0.900.',
    );
  });
});
