/** What a page lets a graphics card compute. */
import { expect, it } from 'vitest';
import { formatModelMetadata } from '../../../src/experiment/embedded-coarse.ts';
import { readModelFile } from '../../../src/experiment/model-file.ts';
import { GraphBuilder } from '../../../src/graph/graph.ts';
import { encodeModel } from '../../../src/onnx/encode.ts';
import { lower } from '../../../src/onnx/lower.ts';
import { openOnCard } from '../../../src/platform/web/open-on-card.ts';
import { BLOB_FACTS, functionEngine, thresholdModel } from '../../support/laboratory.ts';
import { memoryFiles } from '../../support/memory-files.ts';

/** A model that normalises its image twice and has two classes. */
function normalizing(epsilon: number): Uint8Array {
  const builder = new GraphBuilder();
  const [image, weights] = [builder.input('image', [1, 1, 4, 4, 4]), builder.float([1, 1], [2])];
  const logits = builder.apply('Concat', [image, image], { axis: 1 });
  const normalized = builder.apply('InstanceNormalization', [logits, weights, weights], { epsilon });
  const metadata = formatModelMetadata({ ...BLOB_FACTS, channels: 1, patch: [4, 4, 4] });
  return encodeModel(lower({ outputs: { logits: normalized } }, { block: 0, metadata }));
}

it('opens normalisations of the usual epsilon, and refuses others, which WebGPU mixes up', async () => {
  const files = memoryFiles();
  files.contents.set('usual.onnx', normalizing(1e-5));
  files.contents.set('other.onnx', normalizing(1e-3));
  const engine = functionEngine(thresholdModel);
  await expect(openOnCard(engine, await readModelFile(files, 'usual.onnx'))).resolves.toBeDefined();
  const other = await readModelFile(files, 'other.onnx');
  await expect(openOnCard(engine, other)).rejects.toThrow(
    expect.objectContaining({ code: 'E_DEVICE', message: expect.stringContaining('an epsilon of 0.001. Let the') }),
  );
});
