/** What a division of cases should not pass over in silence. */
import { expect, it } from 'vitest';
import { splitWarnings } from '../../../src/experiment/split-warnings.ts';

const CLASSES = ['head', 'tail', 'bend'];
const volumesMl = new Map([
  ['a', { head: 1, tail: 0, bend: 0 }],
  ['b', { head: 1, tail: 2, bend: 0 }],
  ['c', { head: 1, tail: 1, bend: 0 }],
  ['none', { head: 0, tail: 0, bend: 0 }],
  ['bend', { head: 0, tail: 0, bend: 1 }],
]);
const told = (train: readonly string[], val: readonly string[], classes: readonly string[] = CLASSES) =>
  splitWarnings({ splits: { train, val }, classes, volumesMl }).map(({ code, message }) => [code, message]);

it('says nothing where training and validation have every class, or nothing validates', () => {
  expect(told(['a', 'b'], ['c'], ['head', 'tail'])).toEqual([]);
  expect(told(['a', 'b'], [], ['head', 'tail'])).toEqual([]);
});

it('reports classes that no training case has, and blames validation only for the others', () => {
  expect(told(['a', 'b'], ['c'])).toEqual([
    ['W_CLASS_ABSENT', expect.stringMatching(/^the class "bend" is in none of the 2 training cases/)],
  ]);
  expect(told(['none'], ['none'])).toEqual([
    [
      'W_CLASS_ABSENT',
      expect.stringMatching(/^the classes "head", "tail", "bend" are in none of the 1 training case,/),
    ],
    ['W_VALIDATION_EMPTY', expect.stringMatching(/^1 of the 1 validation case has no foreground at all, .*: none\.$/)],
  ]);
});

it('reports classes that no validation case has, and validation cases without any foreground', () => {
  expect(told(['b', 'bend'], ['a', 'none'])).toEqual([
    ['W_VALIDATION_EMPTY', expect.stringMatching(/^the classes "tail", "bend" are in none of the 2 validation cases/)],
    ['W_VALIDATION_EMPTY', expect.stringMatching(/^1 of the 2 validation cases has no foreground at all/)],
  ]);
});
