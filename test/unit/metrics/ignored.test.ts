/** Ignored voxels are in no class of prediction or reference. */
import { expect, test } from 'vitest';
import { scoreCase } from '../../../src/metrics/case-score.ts';
import { withoutIgnored } from '../../../src/metrics/ignored.ts';

const classes = [{ value: 1, name: 'one' }];
const options = { id: 'a', spacingMm: [1, 1, 1] as const, classes };

test('a score does not change with what is predicted in ignored voxels', () => {
  const reference = Uint8Array.of(1, 1, 0, 2, 2, 0, 1, 0, 0);
  const predictions = [
    [1, 0, 0, 0, 0, 1, 1, 0, 0],
    [1, 0, 0, 1, 1, 1, 1, 0, 0],
  ].map(values => Uint8Array.from(values));
  const scores = predictions.map(prediction => {
    const known = withoutIgnored(reference, prediction, 2);
    return scoreCase(known.reference, known.prediction, { ...options, sizeVoxels: [3, 3, 1] });
  });
  expect(scores[0]).toEqual(scores[1]);
  // 2 of 3 found, 1 wrong: 2 * 2 / (3 + 3)
  expect(scores[0]!.classes['one']!.dice).toBeCloseTo(4 / 6, 12);
  expect(reference[3]).toBe(2);
});

test('without an ignore label nothing is copied', () => {
  const [reference, prediction] = [Uint8Array.of(1), Uint8Array.of(2)];
  expect(withoutIgnored(reference, prediction, undefined)).toEqual({ reference, prediction });
  expect(() => withoutIgnored(reference, Uint8Array.of(1, 2), 3)).toThrow(/1 voxels and prediction 2/);
});
