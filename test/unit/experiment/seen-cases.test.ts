/** Whether models have seen what they are scored on. */
import { describe, expect, it } from 'vitest';
import type { SeenImages } from '../../../src/data/training-facts.ts';
import { evaluationWarnings } from '../../../src/experiment/evaluation-warnings.ts';
import type { ModelMetadata } from '../../../src/experiment/model-facts.ts';
import { seenByFolder } from '../../../src/experiment/seen-by-folder.ts';
import { allSeen, seenWarnings } from '../../../src/experiment/seen-cases.ts';
import { sha256 } from '../../support/laboratory.ts';
import { memoryFiles } from '../../support/memory-files.ts';

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
  const world = { files: memoryFiles({}), machine: { sha256 } };
  const told = async (names: readonly string[]) => {
    const options = { images, cases: [], split: 'test', dataset: dataset(names) };
    return (await evaluationWarnings(world, [model], options)).map(({ message }) => message);
  };

  it('reports classes of other names that are matched by value', async () => {
    expect(await told(['clear', 'foo', 'posterior'])).toEqual([
      'the classes of m.onnx and data have other names and are matched by value: 1 is "Anterior" for the model and "foo" in the data. Check that they are the same structures.',
    ]);
    expect(await told(['background', 'anterior', 'Posterior'])).toEqual([]);
  });
});

describe('seenByFolder', () => {
  const ids = ['a', 'b', 'c', 'd'];
  const bytes = (id: string) => new TextEncoder().encode(`image of ${id}`);
  const cases = ids.map(id => ({ id, images: [`elsewhere/${id}.nii.gz`], label: `elsewhere/labels/${id}.nii.gz` }));
  /** The case c is in the run under another name, and b with nnU-Net's number of a channel. */
  const record = {
    dataHashes: {
      'imagesTr/a.nii.gz': sha256(bytes('a')),
      'imagesTr/b_0000.nii.gz': sha256(bytes('b')),
      'imagesTr/other.nii.gz': sha256(bytes('c')),
      'imagesTr/d.nii.gz': sha256(bytes('d')),
    },
  };
  const splits = { train: ['a', 'other'], val: ['b'], test: ['d'] };
  const look = (content: Readonly<Record<string, unknown>>, model: string): Promise<SeenImages | undefined> => {
    const texts = Object.entries(content).map(([path, value]) => [path, JSON.stringify(value)] as const);
    const files = memoryFiles(Object.fromEntries(texts));
    for (const id of ids) files.contents.set(`elsewhere/${id}.nii.gz`, bytes(id));
    return seenByFolder({ files, sha256 }, model, { cases, images });
  };
  const found = { training: ['hash a', 'hash c'], validation: ['hash b'], teacher: [] };

  it('finds cases of a run or sweep by their files, whatever their names', async () => {
    const run = { 'runs/old/run.json': record, 'runs/old/splits.json': splits };
    expect(await look(run, 'runs/old/student/model.onnx')).toEqual(found);
    expect(await look(run, 'runs/old/seed-2/student/model.onnx')).toEqual(found);
    const fold = { ...run, 'runs/old/fold-1/splits.json': { train: ['d'], val: [], test: ['a'] } };
    expect(await look(fold, 'runs/old/fold-1/seed-2/student/model.onnx')).toMatchObject({ training: ['hash d'] });
    const sweep = { 's/sweep.json': record, 's/units/student-1/splits.json': splits };
    expect(await look(sweep, 's/units/student-1/model.onnx')).toEqual(found);
  });

  it('knows nothing where there is no run, or its files cannot be understood', async () => {
    expect(await look({}, 'model.onnx')).toBeUndefined();
    expect(await look({ 'r/run.json': record }, 'r/student/model.onnx')).toBeUndefined();
    const damaged = { 'r/run.json': { dataHashes: 5 }, 'r/splits.json': splits };
    expect(await look(damaged, 'r/student/model.onnx')).toBeUndefined();
  });
});
