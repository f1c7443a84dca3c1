import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type Splits, splitCases, splitFold } from '../../../src/data/splits.ts';

const ids = (count: number): string[] => Array.from({ length: count }, (_, i) => `case_${i}`);
const FRACTIONS = { seed: 1, train: 0.7, val: 0.1, test: 0.2 };

describe('splitCases', () => {
  test('200 cases at 0.7, 0.1, 0.2 are 140, 20, 40', () => {
    const { train, val, test: tested } = splitCases(ids(200), FRACTIONS);
    expect([train.length, val.length, tested.length]).toEqual([140, 20, 40]);
  });

  test('every case is in one split, and no non-zero fraction is empty', () => {
    const weight = fc.oneof(fc.constant(0), fc.integer({ min: 1, max: 1000 }));
    fc.assert(
      fc.property(
        fc.integer({ min: 3, max: 60 }),
        fc.tuple(weight, weight, weight),
        fc.nat(),
        (count, weights, seed) => {
          const sum = weights[0] + weights[1] + weights[2];
          fc.pre(sum > 0);
          const [train, val, tested] = weights.map(value => value / sum) as [number, number, number];
          const splits = splitCases(ids(count), { seed, train, val, test: tested });
          const lists = [splits.train, splits.val, splits.test];
          expect(lists.flat().sort()).toEqual(ids(count).sort());
          weights.forEach((value, i) => {
            expect((lists[i]?.length ?? 0) > 0).toBe(value > 0);
            expect(Math.abs((lists[i]?.length ?? 0) - (value / sum) * count)).toBeLessThan(2);
          });
        },
      ),
      { numRuns: 200 },
    );
  });

  test('depends on the seed and not on the order of the ids', () => {
    const forward = splitCases(ids(30), FRACTIONS);
    expect(splitCases(ids(30).reverse(), FRACTIONS)).toEqual(forward);
    expect(splitCases(ids(30), { ...FRACTIONS, seed: 2 })).not.toEqual(forward);
  });

  test('is a shuffle, not the first cases', () => {
    const { test: tested } = splitCases(ids(100), FRACTIONS);
    const numbers = tested.map(id => Number(id.slice(5)));
    expect(Math.max(...numbers) - Math.min(...numbers)).toBeGreaterThan(60);
  });

  test('puts the labels of training cases away and touches nothing else; fewer labels are a part of more', () => {
    const whole = splitCases(ids(30), FRACTIONS);
    expect(whole.unlabelled).toEqual([]);
    const few = splitCases(ids(30), { ...FRACTIONS, labelled: 4 });
    const more = splitCases(ids(30), { ...FRACTIONS, labelled: 9 });
    expect([few.train.length, few.unlabelled.length]).toEqual([4, 17]);
    for (const splits of [few, more]) {
      expect([splits.val, splits.test]).toEqual([whole.val, whole.test]);
      expect([...splits.train, ...splits.unlabelled].sort()).toEqual(whole.train);
    }
    expect(more.train).toEqual(expect.arrayContaining([...few.train]));
    expect(splitCases(ids(30), { ...FRACTIONS, labelled: null })).toEqual(whole);
    expect(() => splitCases(ids(30), { ...FRACTIONS, labelled: 22 })).toThrow(/asks for 22 .* there are 21/);
  });

  test.each([
    [{ ...FRACTIONS, train: 0.8 }, ids(10)],
    [{ seed: 1, train: 1.2, val: -0.1, test: -0.1 }, ids(10)],
    [{ ...FRACTIONS, val: Number.NaN }, ids(10)],
    [FRACTIONS, ids(2)],
    [FRACTIONS, [...ids(5), 'case_3']],
  ])('refuses %o', (fractions, cases) => {
    expect(() => splitCases(cases, fractions)).toThrow(expect.objectContaining({ code: 'E_SPLITS' }));
  });
});

/** Two scans per patient: "p3_left", "p3_right". */
const scans = (patients: number): string[] =>
  Array.from({ length: patients }, (_, i) => [`p${i}_left`, `p${i}_right`]).flat();
const patientOf = (id: string): string => id.split('_')[0] as string;
const partsOf = ({ train, val, test: tested }: Splits) => [train, val, tested];

function patientsShared(splits: Splits): string[] {
  const all = partsOf(splits).flatMap(part => [...new Set(part.map(patientOf))]);
  return all.filter((patient, index) => all.indexOf(patient) !== index);
}

describe('splitCases by patient', () => {
  test('keeps the cases of a patient together and divides the patients', () => {
    const splits = splitCases(scans(20), FRACTIONS, patientOf);
    expect(partsOf(splits).map(part => part.length)).toEqual([28, 4, 8]);
    expect(patientsShared(splits)).toEqual([]);
    expect(patientsShared(splitCases(scans(20), FRACTIONS))).not.toEqual([]);
  });

  test('refuses fewer patients than splits', () => {
    expect(() => splitCases(scans(2), FRACTIONS, patientOf)).toThrow(/4 case\(s\) of 2 patient\(s\).*3 splits/);
  });
});

describe('splitFold', () => {
  const fold = (number: number, options = {}, cases = scans(11)) =>
    splitFold(cases, { folds: 5, fold: number, seed: 3, val: 0.1, ...options }, patientOf);
  const folds = [0, 1, 2, 3, 4].map(number => fold(number));

  test('tests every case once over all folds, in parts that differ by one patient', () => {
    expect(folds.flatMap(splits => splits.test).sort()).toEqual(scans(11).sort());
    expect(folds.map(splits => splits.test.length)).toEqual([6, 4, 4, 4, 4]);
  });

  test('has every case once in a fold, no patient in two parts, and a share of all patients to validate', () => {
    for (const splits of folds) {
      expect(partsOf(splits).flat().sort()).toEqual(scans(11).sort());
      expect(patientsShared(splits)).toEqual([]);
      expect(splits.val.length).toBe(2);
    }
  });

  test('depends on the seed and not on the order of the ids', () => {
    expect(fold(2, {}, scans(11).reverse())).toEqual(folds[2]);
    expect(fold(2, { seed: 4 }).test).not.toEqual(folds[2]?.test);
  });

  test('may do without validation, and puts labels of training cases alone away', () => {
    expect(fold(0, { val: 0 }).val).toEqual([]);
    const few = fold(0, { labelled: 3 });
    expect([few.test, few.val]).toEqual([folds[0]?.test, folds[0]?.val]);
    expect([few.train.length, few.unlabelled.length]).toEqual([3, 11]);
  });

  test.each([
    ['a fold that is not', 5, {}, /no fold 5 of 5/],
    ['more folds than patients', 0, { folds: 12 }, /11 patient\(s\).*12 folds/],
    ['a validation that takes all', 0, { val: 0.9 }, /none is left to train on/],
  ])('refuses %s', (_, number, options, message) => {
    const error = expect.objectContaining({ code: 'E_SPLITS', message: expect.stringMatching(message) });
    expect(() => fold(number, options)).toThrow(error);
  });
});
