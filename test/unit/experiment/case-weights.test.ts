/** Weights of cases: from the recipe, from a file, and what is refused. */
import { describe, expect, it } from 'vitest';
import type { Dataset } from '../../../src/data/dataset.ts';
import { readCaseWeights } from '../../../src/experiment/case-weights.ts';
import { memoryFiles } from '../../support/memory-files.ts';

const DATASET: Dataset = {
  name: 'Toy',
  folder: 'd',
  channels: ['MRI'],
  labels: [
    { value: 0, name: 'background' },
    { value: 1, name: 'blob' },
  ],
  cases: ['a', 'b', 'c'].map(id => ({ id, images: [`d/${id}.nii`], label: `d/l/${id}.nii` })),
};

const read = (asked: Parameters<typeof readCaseWeights>[1], file = '{ "a": 2, "c": 0 }') =>
  readCaseWeights(memoryFiles({ 'w.json': file }), asked, DATASET, ['a', 'b']);

describe('readCaseWeights', () => {
  it('takes them from the recipe or from a file, and none where none are given', async () => {
    expect([...(await read({ b: 0.5 }))]).toEqual([['b', 0.5]]);
    expect([...(await read({ file: 'w.json' }))]).toEqual([
      ['a', 2],
      ['c', 0],
    ]);
    expect((await read(null)).size).toBe(0);
  });

  it.each([
    ['a case that is not there', { z: 1 }, undefined, /d does not have: z/],
    ['nothing but zeros', { a: 0, b: 0 }, undefined, /every training case the weight 0/],
    ['a file that is not JSON', { file: 'w.json' }, '{', /w\.json is not JSON/],
    ['a negative weight in a file', { file: 'w.json' }, '{ "a": -1 }', /w\.json a: .*\nIt must hold/],
  ])('refuses %s', async (_, asked, file, message) => {
    await expect(read(asked, file)).rejects.toMatchObject({
      code: 'E_CASE_WEIGHTS',
      message: expect.stringMatching(message),
    });
  });
});
