/** What is known of a model: from its metadata, from the JSON beside it, from flags, from its graph. */
import { describe, expect, it } from 'vitest';
import { tensor } from '../../../src/core/tensor.ts';
import { formatModelMetadata } from '../../../src/experiment/embedded-coarse.ts';
import type { ModelMetadata } from '../../../src/experiment/model-facts.ts';
import { openModel, readModelFile } from '../../../src/experiment/model-file.ts';
import { functionEngine, modelBytes } from '../../support/laboratory.ts';
import { memoryFiles } from '../../support/memory-files.ts';

const METADATA: ModelMetadata = {
  labels: [
    { value: 0, name: 'background' },
    { value: 1, name: 'tumour' },
  ],
  channels: 1,
  spacingMm: [1, 1, 2],
  orientation: 'RAS',
  imageInterpolation: 'linear',
  normalize: 'z-score',
  patch: [8, 16, 24],
  activation: 'softmax',
  inputName: 'image',
  outputName: 'logits',
  parameters: 2,
  multiplyAdds: 1000,
  axes: 'NCZYX',
};

async function read(bytes: Uint8Array, beside?: string, given: Partial<ModelMetadata> = {}) {
  const files = memoryFiles(beside === undefined ? {} : { 'a/m.json': beside });
  files.contents.set('a/m.onnx', bytes);
  return readModelFile(files, 'a/m.onnx', { given });
}

describe('readModelFile', () => {
  it('reads back what an export wrote', async () => {
    const { metadata, info } = await read(modelBytes(formatModelMetadata(METADATA)));
    expect(metadata).toEqual(METADATA);
    const { parameters: _p, multiplyAdds: _m, axes: _a, ...expected } = METADATA;
    expect(info).toEqual(expected);
  });

  it('reads back a normalisation per channel with its numbers', async () => {
    const normalize = [{ ct: { low: -57, high: 164, mean: 99.5, deviation: 39.4 } }, 'z-score-nonzero'] as const;
    const { info } = await read(modelBytes(formatModelMetadata({ ...METADATA, channels: 2, normalize })));
    expect(info.normalize).toEqual(normalize);
  });

  it('carries post-processing, and how it was chosen, which using the model does not need', async () => {
    const postprocess = { tumour: { minimumVolumeMm3: 12.5 } };
    const step = 'minimumVolumeMm3' as const;
    const trial = { class: 'tumour', step, diceWithout: 0.5, diceWith: 0.6, cases: 4, kept: true };
    const written = { ...METADATA, postprocess, postprocessTrials: [trial] };
    const { metadata, info } = await read(modelBytes(formatModelMetadata(written)));
    expect(metadata).toEqual(written);
    expect(info).toMatchObject({ postprocess });
    expect(info).not.toHaveProperty('postprocessTrials');
  });

  it('lets the JSON beside a model win over its metadata, and flags over both', async () => {
    const bytes = modelBytes(formatModelMetadata(METADATA));
    const { metadata } = await read(bytes, '{ "normalize": "none", "patch": [4, 4, 4] }', { patch: [2, 2, 2] });
    expect(metadata).toEqual({ ...METADATA, normalize: 'none', patch: [2, 2, 2] });
  });

  it('takes from the graph of a model from elsewhere what the graph says', async () => {
    const { labels } = METADATA;
    const { metadata, info } = await read(modelBytes({}, [1, 1, 8, 16, 24]), undefined, {
      labels,
      normalize: 'none',
      activation: 'softmax',
      axes: 'NCXYZ',
    });
    expect(metadata).toMatchObject({
      channels: 1,
      patch: [24, 16, 8],
      inputName: 'image',
      outputName: 'logits',
      parameters: 2,
    });
    expect(info).not.toHaveProperty('spacingMm');
  });

  it('knows from the graph that a model takes one batch size and gives less than it sees', async () => {
    const { labels } = METADATA;
    const facts = { labels, normalize: 'none', activation: 'softmax' } as const;
    const valid = await read(modelBytes({}, [2, 1, 44, 48, 52], [2, 2, 4, 8, 12]), undefined, facts);
    expect(valid.info).toMatchObject({ patch: [44, 48, 52], output: [4, 8, 12], batch: 2 });
    const same = await read(modelBytes({}, ['N', 1, 8, 8, 8], ['N', 2, 8, 8, 8]), undefined, facts);
    expect(same.info).not.toHaveProperty('output');
    expect(same.info).not.toHaveProperty('batch');
  });

  it('names every fact that is nowhere to be found', async () => {
    await expect(read(modelBytes({}, ['N', 1, 'D', 'H', 'W']))).rejects.toMatchObject({
      code: 'E_MODEL_INFO',
      message: expect.stringMatching(/a\/m\.onnx lacks labels, normalize, patch, activation\. .*a\/m\.json/),
    });
  });

  it('refuses a malformed JSON with the field that is wrong', async () => {
    await expect(read(modelBytes({}), '{ "normalize": "minmax" }')).rejects.toMatchObject({
      code: 'E_MODEL_INFO',
      message: expect.stringContaining('a/m.json normalize: '),
    });
    await expect(read(modelBytes({}), '{')).rejects.toMatchObject({ message: expect.stringContaining('is not JSON') });
  });
});

describe('openModel', () => {
  it('turns the axes of a model that wants x, y, z, both ways', async () => {
    let seen: { shape: readonly number[]; data: number[] } | undefined;
    const engine = functionEngine(input => {
      seen = { shape: input.shape, data: Array.from(input.data, Number) };
      return input;
    });
    const model = await read(modelBytes(formatModelMetadata({ ...METADATA, axes: 'NCXYZ' })));
    const session = await openModel(engine, model);
    // D = 1, H = 2, W = 3: the value is 10 y + x.
    const image = tensor('float32', Float32Array.of(0, 1, 2, 10, 11, 12), [1, 1, 1, 2, 3]);
    const { logits } = await session.run({ image });
    expect(seen).toEqual({ shape: [1, 1, 3, 2, 1], data: [0, 10, 1, 11, 2, 12] });
    expect(logits).toEqual(image);
    await session.dispose();
    expect(engine.open()).toBe(0);
  });
});
