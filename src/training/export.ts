/**
 * The finished model as an ordinary .onnx file: standard operators only (3D Conv, InstanceNormalization, Resize),
 * parameters inside, logits out, any batch size. All facts that are needed to run it are in its metadata under the key
 * `voxstill`.
 */
import type { Triple } from '../core/shape.ts';
import { convolutionMultiplyAdds } from '../graph/convolution.ts';
import { type Graph, GraphBuilder, reachable, type Value } from '../graph/graph.ts';
import { constantParameters } from '../nn/parameters.ts';
import { encodeModel } from '../onnx/encode.ts';
import { lower } from '../onnx/lower.ts';
import type { Model } from './forward.ts';

/** Multiply-adds of one forward pass over one window, over all convolutions and transposed ones. */
export function multiplyAdds(model: Model, imageShape: readonly number[]): number {
  const builder = new GraphBuilder();
  const single = imageShape.with(0, 1);
  const logits = model.network(builder, builder.input('image', single), {
    training: false,
    update: () => {},
    get: spec => builder.input(`parameter ${spec.name}`, spec.shape),
  });
  return graphMultiplyAdds(logits);
}

/** Multiply-adds of a network that is already built. */
export function graphMultiplyAdds(logits: Value): number {
  return reachable([logits]).reduce((sum, value) => sum + convolutionMultiplyAdds(value), 0);
}

/** A graph of one sample as a file of standard operators whose inputs and outputs take any batch. */
export function encodeAnyBatch(graph: Graph, metadata: Readonly<Record<string, string>>): Uint8Array {
  const lowered = lower(graph, { block: 0, metadata });
  const anyBatch = <T extends { readonly shape: readonly (number | string)[] }>(info: T): T => ({
    ...info,
    shape: info.shape.with(0, 'N'),
  });
  return encodeModel({ ...lowered, inputs: lowered.inputs.map(anyBatch), outputs: lowered.outputs.map(anyBatch) });
}

/**
 * Encodes a model for use elsewhere.
 * @param window spatial size [D, H, W] that the file declares
 * @param metadata free text by key, written into the file
 */
export function exportModel(
  model: Model,
  theta: Float32Array,
  options: { readonly channels: number; readonly window: Triple; readonly metadata: Readonly<Record<string, string>> },
): Uint8Array {
  const { channels, window, metadata } = options;
  const builder = new GraphBuilder();
  const image = builder.input('image', [1, channels, ...window]);
  const logits = model.network(builder, image, constantParameters(builder, theta, model.specs, { named: true }));
  return encodeAnyBatch({ outputs: { logits } }, metadata);
}
