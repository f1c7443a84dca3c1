/** Which classes of a teacher are those of the data. */
import { describe, expect, it } from 'vitest';
import { readModelFile } from '../../../src/experiment/model-file.ts';
import { type ClassMatch, matchedByValue } from '../../../src/teacher/classes.ts';
import { modelBytes } from '../../support/laboratory.ts';
import { memoryFiles } from '../../support/memory-files.ts';

const DATA = ['background', 'Anterior', 'Posterior'].map((name, value) => ({ value, name }));

async function told(labels: readonly { readonly value: number; readonly name: string }[], names: ClassMatch['names']) {
  const files = memoryFiles({});
  files.contents.set('t.onnx', modelBytes({}, ['N', 1, 4, 4, 4], ['N', labels.length, 'D', 'H', 'W']));
  const file = await readModelFile(files, 't.onnx', { given: { labels, normalize: 'none', activation: 'softmax' } });
  const match = { data: DATA, names, key: 'teacher.classes', unknown: 'refused', student: 'softmax' } as const;
  return matchedByValue(file, match).map(({ code, message }) => `${code}: ${message}`);
}

describe('matchedByValue', () => {
  it('reports classes with numbers for names, which only their values match', async () => {
    const numbers = [0, 1, 2].map(value => ({ value, name: String(value) }));
    expect(await told(numbers, {})).toEqual([
      'W_CLASSES_BY_VALUE: t.onnx names its classes by numbers, which are matched by value: 1 is taken for "Anterior", 2 is taken for "Posterior". If that is right, say so in teacher.classes.',
    ]);
    expect(await told(numbers, { 1: 'Anterior' })).toEqual([expect.stringMatching(/: 2 is taken for "Posterior"\./)]);
  });

  it('is silent of classes with the names of the data, and of those that the recipe maps', async () => {
    expect(await told(DATA, {})).toEqual([]);
    const others = [DATA[0]!, { value: 1, name: 'head' }, { value: 2, name: 'tail' }];
    expect(await told(others, { head: 'Anterior', tail: 'Posterior' })).toEqual([]);
  });
});
