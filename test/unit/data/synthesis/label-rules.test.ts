/** The rules of label values: classes, tissues, sides, and what is refused. */
import { describe, expect, it } from 'vitest';
import {
  assertRulesFor,
  classesOfMap,
  labelRules,
  problemsOfRules,
  valuesOf,
} from '../../../../src/data/synthesis/label-rules.ts';
import { synthesisOf } from '../../../support/synthesis.ts';

const GRID = {
  sizeVoxels: [4, 1, 1],
  spacingMm: [1, 1, 1],
  affine: [1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1],
} as const;

describe('the rules of label values', () => {
  it('take single values, spans and lists of both', () => {
    expect(valuesOf([5, '22-24', 3])).toEqual([3, 5, 22, 23, 24]);
    for (const wrong of ['24-22', '0-3', 0, 65_536, 'a', '3-', '1-99999']) expect(valuesOf(wrong)).toBeUndefined();
  });

  it('make classes of several values, and background of all other tissues', () => {
    const rules = labelRules(synthesisOf());
    expect(rules.labels.map(({ value, name }) => `${value} ${name}`)).toEqual(['0 background', '1 one', '2 two']);
    const map = { data: Uint8Array.of(1, 3, 8, 0), ...GRID };
    expect([...classesOfMap(map, rules).data]).toEqual([1, 2, 0, 0]);
  });

  it('exchange the classes of a pair in a mirrored patch', () => {
    const rules = labelRules(synthesisOf({ classes: { a: 1, b: 2 }, sides: [[1, 2]] }));
    expect([1, 2, 7].map(value => rules.classOf[value])).toEqual([1, 2, 0]);
    expect([1, 2, 7].map(value => rules.mirroredClassOf[value])).toEqual([2, 1, 0]);
  });

  it('refuse a map with a value that has none, with the values and their numbers of voxels', () => {
    const rules = labelRules(synthesisOf());
    expect(() => assertRulesFor({ data: Uint8Array.of(1, 4, 4, 77) }, rules, 'map.nii.gz')).toThrow(
      expect.objectContaining({
        code: 'E_LABEL_RULE',
        message: expect.stringMatching(
          /map\.nii\.gz has label values without a rule .*4 \(2 voxels\), 77 \(1 voxels\)/,
        ),
      }),
    );
    expect(() => assertRulesFor({ data: Uint8Array.of(0, 1, 3, 9) }, rules, 'map.nii.gz')).not.toThrow();
  });

  const rules = { classes: { one: 1, two: [2, 3] }, others: '7-9', sides: [], strips: [], flip: true };
  it.each([
    [{ classes: { one: 1, two: [1, 2] } }, ['classes', 'two'], /holds the value 1/],
    [{ others: '3-9' }, ['others'], /holds the value 3/],
    [{ classes: { one: [] } }, ['classes', 'one'], /needs label values/],
    [{ classes: {} }, ['classes'], /1 to 255 classes/],
    [{ classes: { background: 4 } }, ['classes', 'background'], /choose another/],
    [{ strips: [{ values: [3, 7], probability: 1 }] }, ['strips', 0, 'values'], /only values of others/],
    [{ sides: [[2, 5]] as const }, ['sides', 0], /names 5/],
    [
      {
        sides: [
          [2, 3],
          [3, 7],
        ] as const,
      },
      ['sides'],
      /one pair only/,
    ],
    [{ classes: { 'left hippocampus': 1 } }, ['classes', 'left hippocampus'], /named after one side/],
    [{ classes: { 'Right-Putamen': 1 } }, ['classes', 'Right-Putamen'], /named after one side/],
  ])('have a problem in %j', (change, path, message) => {
    const [first] = problemsOfRules({ ...rules, ...change });
    expect(first?.path).toEqual(path);
    expect(first?.message).toMatch(message);
  });

  it('accept sides that are paired or never mirrored', () => {
    const classes = { 'left hippocampus': 17, 'right hippocampus': 53 };
    expect(problemsOfRules({ ...rules, classes, sides: [[17, 53]] })).toEqual([]);
    expect(problemsOfRules({ ...rules, classes, flip: false })).toEqual([]);
    expect(problemsOfRules(rules)).toEqual([]);
  });
});
