/**
 * Recompiles a model from elsewhere to the blocked kernels, for one fixed shape of its image: ONNX Runtime itself uses
 * them for 2D images, not for 3D ones. Where there are none, a block of one channel stands for 2D convolutions of
 * planes by standard operators.
 */

import { elementCount, type Shape } from '../core/shape.ts';
import { convolutionMultiplyAdds } from '../graph/convolution.ts';
import { decompose } from '../graph/decompose.ts';
import { fuse } from '../graph/fuse.ts';
import { type Graph, GraphBuilder, reachable } from '../graph/graph.ts';
import { dropLostBiases } from '../graph/lost-biases.ts';
import { findTransposedConvs } from '../graph/transposed-convs.ts';
import { cancelTransposes } from '../graph/transposes.ts';
import { Packing } from './blocked/packing.ts';
import { decodeModel } from './decode.ts';
import { encodeModel } from './encode.ts';
import { type ImportOptions, importModel } from './import.ts';
import { lower } from './lower.ts';
import { BLOCKED_DOMAIN, type LoweredModel } from './model.ts';

/** Smallest fraction of multiplications in blocked kernels: what is left would be faster as the file has it. */
const LEAST_SHARE_IN_BLOCKS = 0.5;

/**
 * Most multiplications for each one of the model: narrow layers share blocks with zeros. At 2.3 a U-Net 4-8-16 takes
 * 0.57 times as long as the file does, at 5.1 a MeshNet of 5 channels 1.6 times (64x64x64, one thread).
 */
const MOST_MULTIPLICATIONS = 3;

/** Multiply-adds of a graph's convolutions. */
function multiplyAdds(graph: Graph): number {
  return reachable(Object.values(graph.outputs)).reduce((sum, value) => sum + convolutionMultiplyAdds(value), 0);
}

/** Multiply-adds of a lowered model's 2D convolutions, padded lanes included. */
function loweredMultiplyAdds({ nodes, types }: LoweredModel): number {
  const shapeOf = (name = ''): Shape => types.get(name)?.shape ?? [];
  return nodes
    .filter(({ op, domain }) => op === 'Conv' && domain === BLOCKED_DOMAIN)
    .reduce(
      (sum, { inputs, outputs }) => sum + elementCount(shapeOf(outputs[0])) * elementCount(shapeOf(inputs[1]).slice(1)),
      0,
    );
}

/** Fewest channels that gain in planes by standard operators: at 2 a U-Net 2-4-8 takes 1.08 times as long. */
const LEAST_CHANNELS_IN_PLANES = 4;

/** Fraction of the multiplications in convolutions that have a blocked form and are wide enough for it. */
function shareInBlocks(graph: Graph, block: number): number {
  const values = reachable(Object.values(graph.outputs));
  const packing = new Packing(values, block);
  const least = block === 1 ? LEAST_CHANNELS_IN_PLANES : 1;
  let [inBlocks, all] = [0, 0];
  for (const value of values) {
    const work = convolutionMultiplyAdds(value);
    all += work;
    if (packing.has(value) && (value.shape[1] as number) >= least) inBlocks += work;
  }
  return all === 0 ? 0 : inBlocks / all;
}

/**
 * Lowers a model to the blocked kernels.
 * @param bytes with all weights inside
 * @param options.block channels of a block, 8 or 16; 1 for planes by standard operators
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
  const fused = fuse(new GraphBuilder(), dropLostBiases(new GraphBuilder(), graph));
  if (shareInBlocks(fused, block) < LEAST_SHARE_IN_BLOCKS) return undefined;
  const plain = decompose(new GraphBuilder(), fused);
  const lowered = lower(plain, { block });
  if (loweredMultiplyAdds(lowered) > MOST_MULTIPLICATIONS * multiplyAdds(graph)) return undefined;
  return encodeModel(lowered);
}
