/**
 * Graph to ONNX. With a block of 0 every operator takes the plain lowering, or the folded one, which graphics cards
 * need; with the block of ONNX Runtime's channel-blocked kernels (8 or 16) the operators that have a blocked form take
 * it and the others stay plain, mixed in one model.
 */
import { decompose } from '../graph/decompose.ts';
import { type Graph, GraphBuilder, isOp, reachable, type Value } from '../graph/graph.ts';
import { BlockedLowering } from './blocked/lowering.ts';
import { type Emitted, Emitter } from './emitter.ts';
import { lowerFolded } from './folded/rules.ts';
import type { LoweredModel } from './model.ts';
import { lowerPlain } from './plain.ts';

export interface LowerOptions {
  /**
   * Channel block of the runtime (8 or 16), 0 for standard operators only. 1 lowers as blocks do, with standard
   * operators on planes; for models that only run forward.
   */
  readonly block: number;
  /** Whether convolutions are lowered as products of matrices, as graphics cards need; only with a block of 0. */
  readonly folded?: boolean;
  readonly metadata?: Readonly<Record<string, string>>;
  /**
   * Whether parameters that come in are those of a model that only runs forward: convolutions then round as coarsely,
   * and multiply as little, as those whose kernels are constants, since rounding is not carried from step to step.
   * False if not given.
   */
  readonly frozen?: boolean;
}

interface LowerGraphOptions {
  readonly block: number;
  readonly frozen: boolean;
  readonly metadata: Readonly<Record<string, string>>;
  /** Lowers an operator that has no blocked form. */
  readonly lowerOne: (emit: Emitter, value: Value, operands: readonly Emitted[]) => Emitted;
}

/** Lowers a graph. Its inputs and outputs keep their names and shapes. */
export function lower(graph: Graph, options: LowerOptions): LoweredModel {
  const { block, folded = false, frozen = false, metadata = {} } = options;
  // WebGPU's normalisation mixes up the epsilons of a process
  const given = folded ? decompose(new GraphBuilder(), graph) : graph;
  return lowerGraph(given, { block, frozen, metadata, lowerOne: folded ? lowerFolded : lowerPlain });
}

function lowerGraph(graph: Graph, { block, frozen, metadata, lowerOne }: LowerGraphOptions): LoweredModel {
  const values = reachable(Object.values(graph.outputs));
  const inputs = values
    .filter(value => isOp(value, 'Input'))
    .map(value => ({ name: value.attributes.name, dataType: value.dataType, shape: value.shape }));
  const names = [...inputs.map(({ name }) => name), ...Object.keys(graph.outputs)];
  const emit = new Emitter(names, { hasBlocks: block !== 1 });
  const plain = new Map<Value, Emitted>();
  const blocked = block === 0 ? undefined : new BlockedLowering(emit, values, { block, frozen, plain: toPlain });

  function toPlain(value: Value): Emitted {
    const known = plain.get(value);
    if (known !== undefined) return known;
    const emitted = blocked?.leave(value) ?? lowerPlainly(value);
    plain.set(value, emitted);
    return emitted;
  }

  function lowerPlainly(value: Value): Emitted {
    const operands = value.inputs.map(toPlain);
    return emit.tagged(value, () => lowerOne(emit, value, operands));
  }

  for (const value of values) if (blocked === undefined) toPlain(value);
  blocked?.anchors().forEach(value => void blocked.enter(value));
  const outputs = Object.entries(graph.outputs).map(([name, value]) => [name, toPlain(value)] as const);
  return emit.finish(inputs, Object.fromEntries(outputs), metadata);
}
