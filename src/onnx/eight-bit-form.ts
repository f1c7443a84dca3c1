/**
 * The 8-bit form of a model: first a form that is as the model but also says the ranges of its tensors, then, once
 * these were seen, the file. It is made of standard operators and of ONNX Runtime's own (QLinearConv with channels
 * last, NhwcMaxPool, FusedMatMul), so ONNX Runtime runs it on processors and in WebAssembly.
 */

import type { Tensor } from '../core/tensor.ts';
import { decompose } from '../graph/decompose.ts';
import { fuse } from '../graph/fuse.ts';
import { GraphBuilder } from '../graph/graph.ts';
import { findTransposedConvs } from '../graph/transposed-convs.ts';
import { cancelTransposes } from '../graph/transposes.ts';
import { decodeModel } from './decode.ts';
import { lowerEightBit } from './eight-bit/lowering.ts';
import { planEightBit } from './eight-bit/plan.ts';
import { observeRanges } from './eight-bit/ranges.ts';
import { encodeModel } from './encode.ts';
import { type ImportOptions, importModel } from './import.ts';
import { lower } from './lower.ts';

/** A model on its way to 8 bits. */
export interface EightBitCandidate {
  /** Number of convolutions that become 8-bit ones. */
  readonly convolutions: number;
  /** The model with more outputs, which {@link observe} reads. */
  readonly observer: Uint8Array;
  /** Takes what one run of the observer gave. */
  readonly observe: (outputs: Readonly<Record<string, Tensor>>) => void;
  /** The model in 8 bits, for the ranges that were seen. */
  readonly finish: (metadata: Readonly<Record<string, string>>) => Uint8Array;
}

/**
 * Prepares a model.
 * @param bytes with all weights inside
 * @param options.block channel block of the engine, for the observer; 0 for standard operators
 * @param options.anyBatch whether the file takes any batch
 * @returns the reason if the model has an operator that is not known here
 */
export function eightBitCandidate(
  bytes: Uint8Array,
  { block, anyBatch, ...options }: ImportOptions & { readonly block: number; readonly anyBatch: boolean },
): EightBitCandidate | { readonly unsupported: string } {
  const imported = importModel(decodeModel(bytes, 'the model'), options);
  if ('unsupported' in imported) return imported;
  const graph = cancelTransposes(new GraphBuilder(), findTransposedConvs(new GraphBuilder(), imported));
  const plan = planEightBit(graph);
  const { graph: observed, observe, ranges } = observeRanges(graph, plan);
  const plain = decompose(new GraphBuilder(), fuse(new GraphBuilder(), observed));
  const freed = <T extends { readonly shape: readonly (number | string)[] }>(info: T): T =>
    anyBatch ? { ...info, shape: info.shape.with(0, 'N') } : info;
  return {
    convolutions: plan.convolutions.size,
    observer: encodeModel(lower(plain, { block })),
    observe,
    finish: metadata => {
      const lowered = lowerEightBit(graph, { plan, ranges, metadata });
      return encodeModel({ ...lowered, inputs: lowered.inputs.map(freed), outputs: lowered.outputs.map(freed) });
    },
  };
}
