/** What inspect says of models from elsewhere: whether they can predict and teach, and what is missing. */
import { expect, it } from 'vitest';
import { modelOutlook } from '../../src/experiment/model-outlook.ts';
import { nodeFiles } from '../../src/platform/node/files.ts';
import { createNodeSources } from '../../src/platform/node/laboratory.ts';
import { inspectPath } from '../../src/study/inspect.ts';

const FIXTURES = new URL('../fixtures/', import.meta.url).pathname;

async function outlook(name: string) {
  const path = `${FIXTURES}${name}.onnx`;
  return modelOutlook(nodeFiles, path, await nodeFiles.read(path));
}

it.each<[string, object]>([
  [
    'model-ends/deep-supervision',
    {
      predict: 'yes, once these are given: labels, normalize, activation',
      teach: 'yes, once these are given: labels, normalize, activation',
      missing: ['labels', 'normalize', 'activation'],
      axes: 'NCZYX',
      window: [4, 6, 8],
      output: 'y',
      fastKernels: 'yes',
      outputs: [
        expect.stringMatching(/^half \[1, 3, 2, 3, 4\] float32: it is coarser/),
        'y [1, 3, 4, 6, 8] float32: a number per class',
      ],
    },
  ],
  [
    'model-ends/half-resolution',
    {
      predict: expect.stringMatching(/^no: E_MODEL_KIND: .*coarser/),
      teach: expect.stringMatching(/^no: E_MODEL_KIND/),
    },
  ],
  [
    'model-ends/labels-only',
    {
      teach: 'no: its output "labels" is one label per voxel',
      predict: 'yes, once these are given: labels, normalize',
      fastKernels: 'no: the operator ArgMax',
    },
  ],
  ['model-ends/planes', { axes: 'NCYX', fastKernels: 'no: ONNX Runtime has fast kernels for planes by itself' }],
  ['model-ends/float16', { outputs: ['y [1, 3, 4, 6, 8] float16: a number per class'], fastKernels: 'yes' }],
  [
    'teachers/dynamic-opset13',
    { fastKernels: 'not known: the window is not', missing: expect.arrayContaining(['patch']) },
  ],
  ['teachers/external', { weightFiles: ['external.bin'], fastKernels: 'yes' }],
])('%s', async (name, expected) => {
  expect(await outlook(name)).toMatchObject(expected);
});

it('says that weights are missing', async () => {
  const path = `${FIXTURES}teachers/external.onnx`;
  const files = { ...nodeFiles, exists: async (name: string) => !name.endsWith('.bin') && nodeFiles.exists(name) };
  expect(await modelOutlook(files, path, await nodeFiles.read(path))).toMatchObject({
    predict: expect.stringMatching(/^no: E_MODEL_WEIGHTS/),
    weightFiles: ['external.bin (missing)'],
  });
});

it('stands in the description, with types, operator sets and tensors', async () => {
  expect(await inspectPath(createNodeSources(), `${FIXTURES}model-ends/labels-first.onnx`)).toMatchObject({
    inputs: [{ name: 'x', type: 'float32' }],
    outputs: [{ type: 'int64' }, { type: 'float32' }],
    operatorSets: { 'ai.onnx': 17 },
    tensors: { count: 2, last: ['logits', 'labels'].map(() => expect.any(String)) },
    use: { output: 'y' },
  });
});
