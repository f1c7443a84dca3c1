import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parseSplits, splitCases } from '../../../src/data/splits.ts';

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

describe('parseSplits', () => {
  const parse = (content: unknown) =>
    parseSplits(typeof content === 'string' ? content : JSON.stringify(content), ids(6), 's.json');

  test('reads the three lists; cases may be left out', () => {
    expect(parse({ train: ['case_4', 'case_1'], val: [], test: ['case_2'] })).toEqual({
      train: ['case_1', 'case_4'],
      val: [],
      test: ['case_2'],
      unlabelled: [],
    });
  });

  test('reads unlabelled cases where they are named, and none that is in another list', () => {
    expect(parse({ train: ['case_1'], val: [], test: [], unlabelled: ['case_4', 'case_3'] }).unlabelled).toEqual([
      'case_3',
      'case_4',
    ]);
    expect(() => parse({ train: ['case_1'], val: [], test: [], unlabelled: ['case_1'] })).toThrow(/more than once/);
  });

  test.each([
    ['an unknown case', { train: ['case_9'], val: [], test: [] }, /case_9/],
    ['a case in two splits', { train: ['case_1'], val: [], test: ['case_1'] }, /more than once: case_1/],
    ['a case twice in a split', { train: ['case_1', 'case_1'], val: [], test: [] }, /more than once: case_1/],
    ['a missing list', { train: ['case_1'], test: [] }, /val/],
    ['another key', { train: [], val: [], test: [], extra: [] }, /extra/],
    ['ids that are numbers', { train: [1], val: [], test: [] }, /train\.0/],
    ['broken JSON', '{', /not JSON/],
  ])('refuses %s', (_, content, message) => {
    const error = expect.objectContaining({ code: 'E_SPLITS', message: expect.stringMatching(message) });
    expect(() => parse(content)).toThrow(error);
  });
});
