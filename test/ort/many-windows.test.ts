/** A model that is asked about many windows changes to the blocked kernels, and says the same there. */
import { expect, it } from 'vitest';
import { random } from '../../src/core/random.ts';
import { tensor } from '../../src/core/tensor.ts';
import { readModelFile } from '../../src/experiment/model-file.ts';
import { openModels } from '../../src/experiment/open-models.ts';
import { NO_PADS, PLAIN_CONVOLUTION } from '../../src/graph/convolution.ts';
import { GraphBuilder } from '../../src/graph/graph.ts';
import { initialize } from '../../src/nn/parameters.ts';
import { blockedForm } from '../../src/onnx/blocked-form.ts';
import { decodeModel } from '../../src/onnx/decode.ts';
import { encodeModel } from '../../src/onnx/encode.ts';
import { lower } from '../../src/onnx/lower.ts';
import { BLOCKED_DOMAIN } from '../../src/onnx/model.ts';
import { createNodeEngine } from '../../src/platform/node/engine.ts';
import { createWebEngine } from '../../src/platform/web/engine.ts';
import type { Engine } from '../../src/runtime/engine.ts';
import { exportModel } from '../../src/training/export.ts';
import { goldensImage } from '../support/goldens-stream.ts';
import { memoryFiles } from '../support/memory-files.ts';
import { smallUnet } from '../support/training-steps.ts';

const engine = await createNodeEngine({ threads: 1 });
if (engine.block === 0) console.info('skipped: no blocked kernels here');
const WINDOW = [8, 12, 8] as const;
const FACTS = {
  labels: ['background', 'a', 'b'].map((name, value) => ({ value, name })),
  normalize: 'none',
  activation: 'softmax',
} as const;

/** The model of a U-Net with these features, and what is loaded for it. */
async function opened(features: readonly number[], changes: Partial<Engine> = {}) {
  const load = changes.load ?? engine.load;
  const loaded: boolean[] = [];
  const watched: Engine = {
    ...engine,
    ...changes,
    load: bytes => {
      loaded.push(decodeModel(bytes, 'm').operatorSets.has(BLOCKED_DOMAIN));
      return load(bytes);
    },
  };
  const model = smallUnet(features);
  const theta = initialize(model.specs, name => random(4, name));
  const files = memoryFiles();
  files.contents.set('m.onnx', exportModel(model, theta, { channels: 1, window: WINDOW, metadata: {} }));
  const file = await readModelFile(files, 'm.onnx', { given: FACTS });
  const { models, close } = await openModels(watched, [file]);
  const ask = async (samples: number): Promise<Float32Array> => {
    const shape = [samples, 1, ...WINDOW];
    const fed = tensor('float32', goldensImage(3, shape), shape);
    return (await models[0]!.session.run({ image: fed }, ['logits']))['logits']!.data as Float32Array;
  };
  return { ask, close, loaded };
}

/** The largest difference, relative to the largest value. */
function difference(left: Float32Array, right: Float32Array): number {
  const largest = left.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
  return left.reduce((most, value, index) => Math.max(most, Math.abs(value - right[index]!)), 0) / largest;
}

it.skipIf(engine.block === 0).each([[[16, 32]], [[4, 8]]])(
  'after two windows, and back for another batch: %j',
  async features => {
    const { ask, close, loaded } = await opened(features);
    const first = Float32Array.from(await ask(1));
    await ask(1);
    expect(loaded).toEqual([false]);
    const third = await ask(1);
    expect(loaded).toEqual([false, true]);
    expect(difference(first, third)).toBeLessThan(1e-4);
    const both = await ask(2);
    expect(both.length).toBe(2 * first.length);
    expect(loaded).toEqual([false, true, false]);
    await close();
  },
);

it.each([
  { planes: true, loads: 2 },
  { planes: false, loads: 1 },
])('in planes by standard operators, where an engine says that they are faster: $planes', async ({ planes, loads }) => {
  const { ask, close, loaded } = await opened([4, 8], { block: 0, planes });
  const first = Float32Array.from(await ask(1));
  await ask(1);
  expect(difference(first, await ask(1))).toBeLessThan(1e-4);
  expect(loaded).toEqual(new Array<boolean>(loads).fill(false));
  await close();
});

it('as WebAssembly, which says the same as the processor then', async () => {
  const { ask, close, loaded } = await opened([4, 8], await createWebEngine());
  for (let window = 0; window < 2; window++) await ask(1);
  const inPlanes = await ask(1);
  expect(loaded).toHaveLength(2);
  const here = await opened([4, 8]);
  expect(difference(await here.ask(1), inPlanes)).toBeLessThan(1e-4);
  await close();
  await here.close();
});

it('not where its convolutions have no blocked form', () => {
  const builder = new GraphBuilder();
  const kernel = builder.float(new Array<number>(16 * 27).fill(1), [16, 1, 3, 3, 3]);
  const shape = [1, 1, 8, 8, 8];
  const valid = { ...PLAIN_CONVOLUTION, pads: NO_PADS };
  const logits = builder.apply('Conv', [builder.input('image', shape), kernel], valid);
  const bytes = encodeModel(lower({ outputs: { logits } }, { block: 0 }));
  const input = { name: 'image', shape };
  expect(blockedForm(bytes, { block: 16, input, outputs: ['logits'] })).toBeUndefined();
});
