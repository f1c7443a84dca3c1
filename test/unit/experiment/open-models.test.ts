/** Models on a graphics card: recompiled where they can be, and refused where they would be computed wrongly. */
import { expect, it } from 'vitest';
import { formatModelMetadata } from '../../../src/experiment/embedded-coarse.ts';
import { readModelFile } from '../../../src/experiment/model-file.ts';
import { openForFewWindows, openForManyWindows } from '../../../src/experiment/open-models.ts';
import { GraphBuilder } from '../../../src/graph/graph.ts';
import { decodeModel } from '../../../src/onnx/decode.ts';
import { encodeModel } from '../../../src/onnx/encode.ts';
import { lower } from '../../../src/onnx/lower.ts';
import { BLOB_FACTS, functionEngine, thresholdModel } from '../../support/laboratory.ts';
import { memoryFiles } from '../../support/memory-files.ts';

/** A model that normalises its image twice and has two classes; of images of volumes, or of planes. */
function normalizing(epsilon: number, axes: 'NCZYX' | 'NCYX'): Uint8Array {
  const builder = new GraphBuilder();
  const side = axes === 'NCYX' ? [4, 4] : [4, 4, 4];
  const [image, weights] = [builder.input('image', [1, 1, ...side]), builder.float([1, 1], [2])];
  const logits = builder.apply('Concat', [image, image], { axis: 1 });
  const normalized = builder.apply('InstanceNormalization', [logits, weights, weights], { epsilon });
  const patch = axes === 'NCYX' ? ([1, 4, 4] as const) : ([4, 4, 4] as const);
  const metadata = formatModelMetadata({ ...BLOB_FACTS, channels: 1, patch, axes });
  return encodeModel(lower({ outputs: { logits: normalized } }, { block: 0, metadata }));
}

/** Opens a model for many windows and for few on a card, and gives the operators of what was loaded. */
async function operatorsOnCard(model: Uint8Array): Promise<readonly (readonly string[])[]> {
  const loaded: (readonly string[])[] = [];
  const engine = functionEngine(thresholdModel);
  const card = {
    ...engine,
    folded: true,
    load: (bytes: Uint8Array) => {
      loaded.push(decodeModel(bytes, 'the model').nodes.map(({ op }) => op));
      return engine.load(bytes);
    },
  };
  const files = memoryFiles();
  files.contents.set('m.onnx', model);
  const { coarse: _, ...file } = await readModelFile(files, 'm.onnx');
  for (const open of [openForManyWindows, openForFewWindows]) await (await open(card, file)).dispose();
  return loaded;
}

it('a model of volumes is recompiled for a graphics card, so that its epsilon does not matter', async () => {
  const loaded = await operatorsOnCard(normalizing(1e-3, 'NCZYX'));
  expect(loaded).toHaveLength(2);
  for (const operators of loaded) expect(operators).not.toContain('InstanceNormalization');
});

it('a model of planes runs as exported, and is refused where WebGPU would mix up its epsilon', async () => {
  for (const operators of await operatorsOnCard(normalizing(1e-5, 'NCYX'))) {
    expect(operators).toContain('InstanceNormalization');
  }
  await expect(operatorsOnCard(normalizing(1e-3, 'NCYX'))).rejects.toThrow(
    expect.objectContaining({
      code: 'E_DEVICE',
      message: expect.stringMatching(/an epsilon of 0\.001\. .*--device cpu, in a page WebAssembly/),
    }),
  );
});
