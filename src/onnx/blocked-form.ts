/**
 * Recompiles a model from elsewhere to the blocked kernels, for one fixed shape of its image: ONNX Runtime itself uses
 * them for 2D images, not for 3D ones.
 */

import { convolutionMultiplyAdds } from '../graph/convolution.ts';
import { decompose } from '../graph/decompose.ts';
import { fuse } from '../graph/fuse.ts';
import { type Graph, GraphBuilder, reachable } from '../graph/graph.ts';
import { findTransposedConvs } from '../graph/transposed-convs.ts';
import { cancelTransposes } from '../graph/transposes.ts';
import { decodeModel } from './decode.ts';
import { encodeModel } from './encode.ts';
import { type ImportOptions, importModel } from './import.ts';
import { lower } from './lower.ts';

/**
 * Smallest fraction of multiplications in full blocks; narrower layers are padded to a block, which costs more than the
 * kernels gain.
 */
const LEAST_SHARE_IN_BLOCKS = 0.5;

/** Fraction of the multiplications in convolutions whose results fill at least one block. */
function shareInBlocks(graph: Graph, block: number): number {
  let [inBlocks, all] = [0, 0];
  for (const value of reachable(Object.values(graph.outputs))) {
    const work = convolutionMultiplyAdds(value);
    all += work;
    if ((value.shape[1] ?? 0) >= block) inBlocks += work;
  }
  return all === 0 ? 0 : inBlocks / all;
}

/**
 * Lowers a model to the blocked kernels.
 * @param bytes with all weights inside
 * @param options.block channels of a block, 8 or 16
 * @returns a model of the same input and outputs, whose values differ only by rounding; or the reason why there is
 * none; undefined if it would not be faster
 */
export function blockedForm(
  bytes: Uint8Array,
  { block, ...options }: ImportOptions & { readonly block: number },
): Uint8Array | { readonly unsupported: string } | undefined {
  if (block === 0) return undefined;
  const imported = importModel(decodeModel(bytes, 'the model'), options);
  if ('unsupported' in imported) return imported;
  const graph = cancelTransposes(new GraphBuilder(), findTransposedConvs(new GraphBuilder(), imported));
  if (shareInBlocks(graph, block) < LEAST_SHARE_IN_BLOCKS) return undefined;
  const plain = decompose(new GraphBuilder(), fuse(new GraphBuilder(), graph));
  return encodeModel(lower(plain, { block }));
}
