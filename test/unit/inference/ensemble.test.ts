/** The mean of several models, slice by slice. */
import { expect, it } from 'vitest';
import { meanSlices } from '../../../src/inference/ensemble.ts';

async function* slices(...values: readonly (readonly number[])[]): AsyncGenerator<Float32Array, void> {
  for (const value of values) yield Float32Array.from(value);
}

async function meansOf(streams: readonly AsyncGenerator<Float32Array, void>[]): Promise<number[][]> {
  const means: number[][] = [];
  for await (const mean of meanSlices(streams)) means.push([...mean]);
  return means;
}

it.each([
  [
    'one',
    [
      [
        [1, 2],
        [3, 4],
      ],
    ],
    [
      [1, 2],
      [3, 4],
    ],
  ],
  ['two', [[[1, 2]], [[3, 8]]], [[2, 5]]],
  [
    'three',
    [
      [
        [1, 2],
        [0, 0],
      ],
      [
        [4, 2],
        [3, 0],
      ],
      [
        [7, 5],
        [6, 9],
      ],
    ],
    [
      [4, 3],
      [3, 3],
    ],
  ],
  ['four', [[[1]], [[1]], [[1]], [[5]]], [[2]]],
])('of %s is the sum over their number', async (_, streams, expected) => {
  expect(await meansOf(streams.map(stream => slices(...stream)))).toEqual(expected);
});

it('of none is nothing', async () => {
  expect(await meansOf([])).toEqual([]);
});
