/** Whether models have seen what they are scored on. */
import { describe, expect, it } from 'vitest';
import { evaluationWarnings } from '../../../src/experiment/evaluation-warnings.ts';
import type { ModelMetadata } from '../../../src/experiment/model-facts.ts';
import { allSeen, seenWarnings } from '../../../src/experiment/seen-cases.ts';

const images = new Map(['a', 'b', 'c', 'd'].map(id => [id, `hash ${id}`]));
const seen = {
  training: ['hash a', 'hash b', 'hash x'],
  validation: ['hash b', 'hash c'],
  teacher: ['hash a', 'hash d'],
};

describe('seenWarnings', () => {
  it('counts each case once, by the closest way in which it was seen', () => {
    const [warning, ...others] = seenWarnings([{ path: 'm.onnx', images: seen }], { images, split: 'test' });
    expect(others).toEqual([]);
    expect(warning).toMatchObject({
      code: 'W_CASES_SEEN',
      model: 'm.onnx',
      training: ['a', 'b'],
      validation: ['c'],
      teacher: ['d'],
    });
    expect(warning?.message).toBe(
      'm.onnx has seen what it is scored on: 2 of the 4 test cases were training cases of it (a, b), 1 of the 4 test cases was a validation case of it (c), 1 of the 4 test cases was seen by its teacher (d). Its scores there say nothing of new cases.',
    );
  });

  it('is silent of models that have seen none or do not say, and of their own split', () => {
    const none = { training: ['hash x'], validation: [], teacher: [] };
    const models = [{ path: 'old.onnx' }, { path: 'm.onnx', images: none }];
    expect(seenWarnings(models, { images, split: 'test' })).toEqual([]);
    const own = { training: ['hash a', 'hash b'], validation: ['hash c'], teacher: [] };
    const model = [{ path: 'm.onnx', images: own }];
    expect(seenWarnings(model, { images: new Map([['a', 'hash a']]), split: 'train' })).toEqual([]);
    expect(seenWarnings(model, { images: new Map([['c', 'hash c']]), split: 'val' })).toEqual([]);
    expect(seenWarnings(model, { images, split: 'all' })).toMatchObject([{ training: ['a', 'b'], validation: ['c'] }]);
  });

  it('names every model of an ensemble that has', () => {
    const models = ['m', 'n'].map(path => ({ path, images: seen }));
    expect(seenWarnings(models, { images, split: 'test' }).map(({ model }) => model)).toEqual(['m', 'n']);
    expect(allSeen([...models, { path: 'old' }])).toEqual(['hash a', 'hash b', 'hash x', 'hash c', 'hash d']);
  });
});

describe('evaluationWarnings', () => {
  const labels = ['background', 'Anterior', 'Posterior'].map((name, value) => ({ value, name }));
  const model = { path: 'm.onnx', metadata: { labels } as unknown as ModelMetadata };
  const dataset = (names: readonly string[]) => ({
    name: 'd',
    folder: 'data',
    channels: ['MRI'],
    labels: names.map((name, value) => ({ value, name })),
    cases: [],
  });
  const told = (names: readonly string[]) =>
    evaluationWarnings([model], { images, split: 'test', dataset: dataset(names) }).map(({ message }) => message);

  it('tells classes of other names that are matched by value', () => {
    expect(told(['clear', 'foo', 'posterior'])).toEqual([
      'the classes of m.onnx and data have other names and are matched by value: 1 is "Anterior" for the model and "foo" in the data. Check that they are the same structures.',
    ]);
    expect(told(['background', 'anterior', 'Posterior'])).toEqual([]);
  });
});
