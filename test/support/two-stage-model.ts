/** A file of two stages: a coarse network without any weights, and a fine one that nobody trained. */
import { embeddedForm, formatModelMetadata, ownFacts } from '../../src/experiment/embedded-coarse.ts';
import { GraphBuilder } from '../../src/graph/graph.ts';
import { decodeModel } from '../../src/onnx/decode.ts';
import { replaceMetadata } from '../../src/onnx/edit.ts';
import { encodeAnyBatch } from '../../src/training/export.ts';
import { tinyModel } from './tiny-model.ts';

const FACTS = {
  labels: [
    { value: 0, name: 'background' },
    { value: 1, name: 'body' },
  ],
  channels: 1,
  normalize: 'none',
  activation: 'softmax',
  orientation: 'RAS',
  spacingMm: null,
  inputName: 'image',
  outputName: 'logits',
} as const;

/** The body is where the image is above a threshold. */
export function bodyFinder(threshold: number): Uint8Array {
  const builder = new GraphBuilder();
  const image = builder.input('image', [1, 1, 16, 16, 16]);
  const logits = builder.concat([builder.mul(image, 0), builder.sub(builder.mul(image, 20), 20 * threshold)], 1);
  const metadata = formatModelMetadata({ ...FACTS, labels: [...FACTS.labels] });
  return encodeAnyBatch({ outputs: { logits } }, metadata);
}

/**
 * A tiny network in the region of the voxels above a threshold, with a margin.
 * @param seed of the weights
 */
export async function twoStageModel(
  seed: number,
  { threshold, marginMm }: { readonly threshold: number; readonly marginMm: number },
): Promise<Uint8Array> {
  const fine = tinyModel(seed);
  const facts = JSON.parse(ownFacts(decodeModel(fine, 'fine').metadata)?.text ?? '{}');
  const coarse = await embeddedForm(bodyFinder(threshold), { ...FACTS, labels: [...FACTS.labels] });
  return replaceMetadata(fine, formatModelMetadata({ ...facts, cascade: { marginMm } }, coarse));
}
