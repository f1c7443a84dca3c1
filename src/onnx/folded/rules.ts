/**
 * The lowering for graphics cards: standard operators of ONNX as in the plain lowering, but convolutions are products
 * of matrices (conv.ts, kernel-gradient.ts), sums run over short rows first, and nothing needs an operator for which
 * ONNX Runtime's WebGPU has no kernel.
 */
import type { Value } from '../../graph/graph.ts';
import type { OpName } from '../../graph/ops.ts';
import type { Emitted, Emitter } from '../emitter.ts';
import { ONNX_TYPES } from '../model.ts';
import { lowerPlain, type PlainRule } from '../plain.ts';
import { convolveFolded, transposeFolded } from './conv.ts';
import { kernelGradientFolded } from './kernel-gradient.ts';

/** Operators that have a form of their own here. */
type FoldedOp = 'Conv' | 'ConvTranspose' | 'ConvKernelGradient' | 'Sign' | 'ReduceSum' | 'ReduceMean' | 'ReduceMax';

type Two = readonly [Emitted, Emitted];

/**
 * Sums rows of the last two axes, then what is left: a card sums each result with one group of threads, which is too
 * few of them for the whole of an image.
 */
const reduce =
  (op: 'ReduceSum' | 'ReduceMean' | 'ReduceMax'): PlainRule<'ReduceSum' | 'ReduceMean' | 'ReduceMax'> =>
  ({ emit, attributes: { axes }, operands }) => {
    const [input] = operands as Two;
    const rank = input.shape.length;
    const [inner, outer] = [[rank - 2, rank - 1], axes.filter(axis => axis < rank - 2)];
    if (outer.length === 0 || !inner.every(axis => axes.includes(axis))) return emit.reduce(op, input, axes);
    return emit.reduce(op, emit.reduce(op, input, inner), outer);
  };

const FOLDED_RULES: { readonly [K in FoldedOp]: PlainRule<K> } = {
  Conv: ({ emit, attributes, operands }) => convolveFolded(emit, operands as Two, attributes),
  ConvTranspose: ({ emit, attributes, operands }) => transposeFolded(emit, operands as Two, attributes),
  ConvKernelGradient: ({ emit, attributes, operands }) => kernelGradientFolded(emit, operands as Two, attributes),
  // x > 0 less x < 0
  Sign: ({ emit, operands: [x] }) => {
    const zero = emit.float(0);
    const isTrue = (left: Emitted, right: Emitted): Emitted =>
      emit.node('Cast', [emit.binary('Greater', left, right, 'bool')], (x as Emitted).shape, {
        attributes: { to: ONNX_TYPES.float32 },
        dataType: 'float32',
      });
    return emit.binary('Sub', isTrue(x as Emitted, zero), isTrue(zero, x as Emitted));
  },
  ReduceSum: reduce('ReduceSum'),
  ReduceMean: reduce('ReduceMean'),
  ReduceMax: reduce('ReduceMax'),
};

function isFolded(op: OpName): op is FoldedOp {
  return Object.hasOwn(FOLDED_RULES, op);
}

/** Lowers one operator for a graphics card. */
export function lowerFolded(emit: Emitter, value: Value, operands: readonly Emitted[]): Emitted {
  if (!isFolded(value.op)) return lowerPlain(emit, value, operands);
  const rule = FOLDED_RULES[value.op] as PlainRule<OpName>;
  return rule({ emit, value, attributes: value.attributes, operands });
}
