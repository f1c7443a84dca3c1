import { describe, expect, test } from 'vitest';
import { parseSplits, type SplitsContext } from '../../../src/data/splits-file.ts';

const ids = (count: number): string[] => Array.from({ length: count }, (_, i) => `case_${i}`);

describe('parseSplits', () => {
  const parse = (content: unknown, options: Partial<SplitsContext> = {}) =>
    parseSplits(typeof content === 'string' ? content : JSON.stringify(content), {
      ids: ids(6),
      path: 's.json',
      ...options,
    });

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

  test('refuses labels to be put away beside a list of training cases', () => {
    const folds = { seed: 1, fold: 0, val: 0.1, labelled: 2 };
    expect(() => parse({ train: ['case_1'], val: [], test: [] }, { folds })).toThrow(/data\.splits\.labelled/);
  });

  test('refuses a patient in two splits', () => {
    const content = { train: ['case_1'], val: [], test: ['case_2'] };
    const patientOf = (id: string): string => (id === 'case_1' || id === 'case_2' ? 'Ann' : id);
    expect(() => parse(content, { patientOf })).toThrow(/one patient in several splits: Ann/);
  });
});

describe("nnU-Net's list of folds", () => {
  const FINAL = JSON.stringify([
    { train: ['case_0', 'case_1', 'case_2', 'case_3'], val: ['case_4', 'case_5'] },
    { train: ['case_2', 'case_3', 'case_4', 'case_5'], val: ['case_0', 'case_1'] },
  ]);
  const parse = (fold?: number, text = FINAL) =>
    parseSplits(text, {
      ids: ids(6),
      path: 'splits_final.json',
      ...(fold !== undefined && { folds: { seed: 1, fold, val: 0.2 } }),
    });

  test('tests the validation cases of the fold, and validates on some of its training cases', () => {
    const second = parse(1);
    expect(second.test).toEqual(['case_0', 'case_1']);
    expect([second.train.length, second.val.length]).toEqual([3, 1]);
    expect([...second.train, ...second.val].sort()).toEqual(['case_2', 'case_3', 'case_4', 'case_5']);
  });

  test.each([
    ['a fold that is not there', 2, FINAL, /has 2 fold\(s\).*no fold 2/],
    ['a list where no fold is asked for', undefined, FINAL, /list of folds/],
    [
      'a case that is in both parts',
      0,
      JSON.stringify([{ train: ['case_0', 'case_1'], val: ['case_1'] }]),
      /more than once: case_1/,
    ],
    ['an empty list', 0, '[]', /splits_final\.json: .*\nIt must hold/],
  ])('refuses %s', (_, fold, text, message) => {
    expect(() => parse(fold, text)).toThrow(
      expect.objectContaining({ code: 'E_SPLITS', message: expect.stringMatching(message) }),
    );
  });
});
