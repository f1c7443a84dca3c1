/**
 * Rewrites a model whose convolutions of volumes are in groups to one without groups, for one fixed shape of its image:
 * ONNX Runtime's WebGPU has no grouped convolution of volumes.
 */
import { GraphBuilder } from '../graph/graph.ts';
import { ungroup } from '../graph/ungroup.ts';
import { decodeModel } from './decode.ts';
import { encodeModel } from './encode.ts';
import { type ImportOptions, importModel } from './import.ts';
import { lower } from './lower.ts';

/** Axes of the kernel of a volume. */
const VOLUME_AXES = 3;

/**
 * The model without groups.
 * @param bytes with all weights inside
 * @returns a model of the same input and outputs, whose values differ only by rounding; undefined if it has no groups,
 * or operators that are not known here
 */
export function ungroupedForm(bytes: Uint8Array, options: ImportOptions): Uint8Array | undefined {
  const model = decodeModel(bytes, 'the model');
  const isGrouped = model.nodes.some(
    ({ op, attributes }) =>
      op === 'Conv' &&
      (attributes.get('group')?.int ?? 1) > 1 &&
      attributes.get('kernel_shape')?.ints.length === VOLUME_AXES,
  );
  if (!isGrouped) return undefined;
  const graph = importModel(model, options);
  return 'unsupported' in graph ? undefined : encodeModel(lower(ungroup(new GraphBuilder(), graph), { block: 0 }));
}
