/** What is chosen on validation cases in which only some classes were looked for. */
import { expect, it } from 'vitest';
import { openDataset } from '../../../src/data/dataset.ts';
import { writePhantomDataset } from '../../../src/data/phantom.ts';
import { countThresholds } from '../../../src/experiment/choose-thresholds.ts';
import { sampleLogits } from '../../../src/experiment/sample-logits.ts';
import { observeValidation } from '../../../src/experiment/validation-pass.ts';
import { scoreValidation } from '../../../src/experiment/validation-scores.ts';
import type { ModelInfo } from '../../../src/inference/model-info.ts';
import type { LabelVolume } from '../../../src/volume/volume.ts';
import { createLaboratory, functionEngine } from '../../support/laboratory.ts';
import { memoryFiles } from '../../support/memory-files.ts';

const info: ModelInfo = {
  labels: ['background', 'first', 'second'].map((name, value) => ({ value, name })),
  channels: 1,
  normalize: 'none',
  patch: [16, 16, 16],
  activation: 'softmax',
  inputName: 'image',
  outputName: 'logits',
};

it('scores and components leave out a class that was not looked for', () => {
  const scores = scoreValidation(info, { pieces: true });
  const reference = {
    data: Uint8Array.of(0, 1, 0, 0),
    sizeVoxels: [4, 1, 1],
    spacingMm: [1, 1, 1],
  } as unknown as LabelVolume;
  // the second class is found in the last voxel
  const probabilities = Float32Array.of(0.8, 0.1, 0.8, 0.1, 0.1, 0.8, 0.1, 0.1, 0.1, 0.1, 0.1, 0.8);
  for (const annotated of [undefined, [1]]) {
    scores.begin(reference, annotated);
    scores.slice(probabilities, Int32Array.of(0, 1, 2, 3));
    scores.end();
  }
  expect(scores.meanDice).toEqual([0.5, 1]);
  expect([...scores.pieces.values()].map(({ length }) => length)).toEqual([2, 1]);
});

it('temperature and thresholds are chosen by cases alone in which all classes were looked for', async () => {
  const files = memoryFiles();
  await writePhantomDataset(files, 'data', { seed: 5, cases: 2 });
  const dataset = await openDataset(files, 'data');
  const [first, second] = dataset.cases as [(typeof dataset.cases)[0], (typeof dataset.cases)[0]];
  const engine = functionEngine(input => {
    const [n = 1, , ...size] = input.shape;
    const voxels = size.reduce((product, length) => product * length, 1);
    return { ...input, data: new Float32Array(n * 3 * voxels), shape: [n, 3, ...size] };
  });
  const laboratory = createLaboratory(engine, files);
  const session = await engine.load(new Uint8Array());
  const seen: (readonly number[] | undefined)[] = [];
  const all = {
    begin: (_: LabelVolume, annotated?: readonly number[]) => void seen.push(annotated),
    slice: () => {},
    end: () => {},
  };
  const [sampler, counter] = [sampleLogits(info, 2), countThresholds(info)];
  const cases = [first, { ...second, annotated: [2] }];
  const cascade = { models: [{ session, info }], coarse: null, close: async () => {} };
  const options = { cascade, dataset, cases, window: { overlap: 0 }, label: 'x' };
  await observeValidation(laboratory, options, [all, sampler, counter]);
  expect(seen).toEqual([undefined, [2]]);
  expect([...counter.scores().values()].map(({ length }) => length)).toEqual([1, 1]);
  const alone = sampleLogits(info, 2);
  await observeValidation(laboratory, { ...options, cases: [first] }, [alone]);
  expect(sampler.rows().truth).toEqual(alone.rows().truth);
});
