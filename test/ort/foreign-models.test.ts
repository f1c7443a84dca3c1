/**
 * Models that PyTorch 1 and 2 and Keras exported, and of operator sets up to the newest, say here what they say there;
 * unusable ones are refused by name.
 */
import { describe, expect, it } from 'vitest';
import { tensor } from '../../src/core/tensor.ts';
import type { ModelMetadata } from '../../src/experiment/model-facts.ts';
import { openModel, readModelFile } from '../../src/experiment/model-file.ts';
import { segment } from '../../src/inference/predictor.ts';
import { createNodeEngine } from '../../src/platform/node/engine.ts';
import { createNodeSources } from '../../src/platform/node/laboratory.ts';
import { inspectPath } from '../../src/study/inspect.ts';
import { foreignFiles, foreignImage, foreignOutputs, foreignTensor, OUTPUT_STRIDE } from '../support/foreign-models.ts';

const engine = await createNodeEngine({ threads: 1 });
const three = { labels: ['background', 'anterior', 'posterior'], normalize: 'none' } as const;
const open = async (name: string, facts: object) => {
  const file = await readModelFile(foreignFiles({ [name]: facts }), `${name}.onnx`);
  return { file, session: await openModel(engine, file) };
};

describe('a model from elsewhere', () => {
  it.each([
    ['fixed-opset11', { ...three, activation: 'softmax' }],
    ['dynamic-opset13', { ...three, activation: 'softmax', patch: [8, 12, 8] }],
    ['softmax-opset16', { ...three, activation: 'none' }],
    ['five-classes-opset12', { ...three, labels: [0, 1, 2, 3, 4], activation: 'softmax' }],
    ['two-classes-opset14', { ...three, labels: ['background', 'lesion'], activation: 'softmax' }],
    [
      'one-channel-sigmoid-opset15',
      { ...three, labels: ['background', 'lesion'], activation: 'none', patch: [8, 12, 8] },
    ],
    ['external', { ...three, activation: 'softmax' }],
    ['keras-channels-last', { ...three, activation: 'none', axes: 'NZYXC' }],
    ['keras-dynamic', { ...three, activation: 'none', axes: 'NZYXC', patch: [8, 12, 8] }],
    ['keras-sigmoid', { ...three, labels: [1, 2], activation: 'none', axes: 'NZYXC' }],
    ['torch2-fixed', { ...three, activation: 'softmax' }],
    ['torch2-dynamic', { ...three, activation: 'none', patch: [8, 12, 8] }],
    ['torch2-opset21', { ...three, activation: 'softmax' }],
    ['opset21', { ...three, activation: 'softmax' }],
    ['opset26', { ...three, activation: 'softmax' }],
  ])('%s gives what its own program gave', async (name, facts) => {
    const stated = name.startsWith('one-channel') ? { ...facts, labels: [1] } : facts;
    const { file, session } = await open(name, stated);
    expect(file.metadata.patch).toEqual([8, 12, 8]);
    const { data, shape } = foreignTensor(file.metadata.patch);
    const { inputName, outputName, axes } = file.metadata;
    const result = await session.run({ [inputName]: tensor('float32', data, shape) }, [outputName]);
    await session.dispose();
    const { data: values, shape: got } = result[outputName]!;
    const expected = foreignOutputs[name]!;
    const [, channels, ...size] = got;
    expect(axes === 'NZYXC' ? [1, ...size, channels] : got).toEqual(expected.shape);
    const voxels = 8 * 12 * 8;
    // where a value of the model's own order lies in [1, K, D, H, W]
    const place = (index: number): number =>
      axes === 'NZYXC' ? (index % channels!) * voxels + Math.floor(index / channels!) : index;
    expected.values.forEach((value, index) => {
      const difference = Math.abs(Number(values[place(index * OUTPUT_STRIDE)]) - value);
      expect(difference / Math.max(1, Math.abs(value))).toBeLessThan(2e-5);
    });
  });

  it('segments a volume of any size, also with a fixed batch of two', async () => {
    const { file, session } = await open('batch-of-two-opset11', { ...three, activation: 'softmax' });
    expect(file.metadata.batch).toBe(2);
    const sizeVoxels = [8, 12, 13] as const;
    const affine = [1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1];
    const image = { data: foreignImage(sizeVoxels), channels: 1, sizeVoxels, spacingMm: [1, 1, 1] as const, affine };
    const { labels } = await segment(session, file.info, image as Parameters<typeof segment>[2]);
    await session.dispose();
    expect(labels.data.length).toBe(8 * 12 * 13);
    expect(new Set(labels.data).size).toBeGreaterThan(1);
  });

  it('can be inspected', async () => {
    const path = new URL('../fixtures/teachers/dynamic-opset13.onnx', import.meta.url).pathname;
    expect(await inspectPath(createNodeSources(), path)).toMatchObject({
      kind: 'model',
      producer: 'pytorch',
      inputs: [{ name: 'scan', shape: ['batch', 1, 'depth', 'height', 'width'] }],
    });
  });
});

describe('an unusable model is refused', () => {
  const facts = { labels: ['background'], normalize: 'none', activation: 'softmax', patch: [8, 12, 8] };
  it.each([
    ['classifier', facts, 'E_MODEL_KIND', /output "scores" is float32 \[N, 1\]/],
    ['whole-numbers', facts, 'E_MODEL_ACTIVATION', /output "y" .* is labels/],
    ['fixed-opset11', { ...facts, inputName: 'image' }, 'E_MODEL_INFO', /no input "image"; it has scan/],
    ['fixed-opset11', { ...facts, labels: ['background', 'a'] }, 'E_MODEL_LABELS', /has 3 channels .*need 2/],
    ['keras-channels-last', { ...facts, labels: ['a', 'b', 'c'] }, 'E_MODEL_KIND', /Its axes are taken to be NCZYX/],
    ['custom-operator', facts, 'E_MODEL_OPERATOR', /org\.example:Sharpen/],
    [
      'late-operator',
      { ...facts, labels: ['a', 'b', 'c'] },
      'E_MODEL_OPERATOR',
      /does not have: Swish \(operator set 24\)/,
    ],
  ])('%s: %o', async (name, stated, code, message) => {
    await expect(open(name, stated)).rejects.toMatchObject({ code, message: expect.stringMatching(message) });
  });

  it('when its weights are in a file that is missing, too short or outside of its folder', async () => {
    const whole = foreignFiles({ external: { ...three, activation: 'softmax' } });
    const refusal = (changes: Partial<typeof whole>) => readModelFile({ ...whole, ...changes }, 'external.onnx');
    await expect(refusal({ exists: async path => !path.endsWith('.bin') && whole.exists(path) })).rejects.toMatchObject(
      { code: 'E_MODEL_WEIGHTS', message: expect.stringContaining('there is no external.bin') },
    );
    await expect(
      refusal({ read: async path => (path.endsWith('.bin') ? new Uint8Array(40) : whole.read(path)) }),
    ).rejects.toMatchObject({
      code: 'E_MODEL_WEIGHTS',
      message: expect.stringMatching(/needs \d+ bytes .* which has 40/),
    });
    const elsewhere = async (path: string): Promise<Uint8Array> => {
      const bytes = await whole.read(path);
      if (!path.endsWith('.onnx')) return bytes;
      const text = Buffer.from(bytes).toString('latin1').replaceAll('external.bin', '../xtern.bin');
      return Buffer.from(text, 'latin1');
    };
    await expect(refusal({ read: elsewhere })).rejects.toMatchObject({
      code: 'E_MODEL_WEIGHTS',
      message: expect.stringContaining('outside its own folder'),
    });
  });
});

it('reads classes by name or by value', async () => {
  const labelsOf = async (labels: ModelMetadata['labels'] | readonly (string | number)[]) =>
    (
      await readModelFile(
        foreignFiles({ 'fixed-opset11': { ...three, labels, activation: 'softmax' } }),
        'fixed-opset11.onnx',
      )
    ).metadata.labels;
  expect(await labelsOf(['background', 'posterior', 'anterior'])).toEqual([
    { value: 0, name: 'background' },
    { value: 1, name: 'posterior' },
    { value: 2, name: 'anterior' },
  ]);
  expect(await labelsOf([0, 2, 1])).toEqual([
    { value: 0, name: '0' },
    { value: 2, name: '2' },
    { value: 1, name: '1' },
  ]);
});
