/**
 * The ranges of the tensors of a network: what its 8-bit form must be able to say. A graph that also gives the smallest
 * and the largest value of each tensor observes them while the network runs as usual.
 */

import type { Tensor } from '../../core/tensor.ts';
import { type Graph, GraphBuilder, type Value } from '../../graph/graph.ts';
import { rewrite } from '../../graph/rewrite.ts';
import type { EightBitPlan } from './plan.ts';

const SPACE = [2, 3, 4];

/** Smallest and largest value seen, per channel. */
export interface Range {
  readonly low: Float32Array;
  readonly high: Float32Array;
}

/** The ranges seen so far. */
export type Ranges = ReadonlyMap<Value, Range>;

/** A network that is observed. */
export interface Observed {
  /** Its own outputs, and those of the observation. */
  readonly graph: Graph;
  /** Takes the ranges from the outputs of one run. */
  readonly observe: (outputs: Readonly<Record<string, Tensor>>) => void;
  readonly ranges: Ranges;
}

/** Adds an observation of all tensors whose ranges the plan needs. */
export function observeRanges(graph: Graph, plan: EightBitPlan): Observed {
  const watched = [...new Set([...plan.convolutions, ...plan.groups.flat()])];
  const ranges = new Map<Value, Range>();
  const builder = new GraphBuilder();
  const outputs: Record<string, Value> = {};
  const names = watched.map((value, index) => [value, `low.${index}`, `high.${index}`] as const);
  const nameOf = new Map(names.map(([value, low, high]) => [value, [low, high] as const]));
  const copied = rewrite(builder, graph, (_, value, inputs) => {
    const pair = nameOf.get(value);
    if (pair === undefined) return undefined;
    const copy = builder.copy(value, inputs);
    outputs[pair[1]] = builder.apply('ReduceMax', [copy], { axes: SPACE });
    outputs[pair[0]] = builder.apply('ReduceMax', [builder.neg(copy)], { axes: SPACE });
    return copy;
  });
  const observe: Observed['observe'] = given => {
    for (const [value, lowName, highName] of names) {
      const channels = value.shape[1] as number;
      const { low, high } = ranges.get(value) ?? {
        low: new Float32Array(channels).fill(Number.POSITIVE_INFINITY),
        high: new Float32Array(channels).fill(Number.NEGATIVE_INFINITY),
      };
      const [negated, largest] = [given[lowName]!.data as Float32Array, given[highName]!.data as Float32Array];
      // one after another for every sample of the batch
      largest.forEach((number, index) => {
        const channel = index % channels;
        high[channel] = Math.max(high[channel]!, number);
        low[channel] = Math.min(low[channel]!, -negated[index]!);
      });
      ranges.set(value, { low, high });
    }
  };
  return { graph: { outputs: { ...copied.outputs, ...outputs } }, observe, ranges };
}

/** How the real numbers of a tensor become 8-bit ones: round(x / scale) + zero. */
export interface Steps {
  readonly scale: number;
  /** The number that stands for 0, 0 to 255. */
  readonly zero: number;
}

const LARGEST = 255;

/** The steps of every tensor before a convolution. The tensors of a group share the number that stands for 0. */
export function stepsOf({ groups }: Pick<EightBitPlan, 'groups'>, ranges: Ranges): ReadonlyMap<Value, Steps> {
  const steps = new Map<Value, Steps>();
  for (const group of groups) {
    const extents = group.map(value => {
      const { low, high } = ranges.get(value) as Range;
      // zeros lie around every image
      return { value, low: Math.min(0, ...low), high: Math.max(0, ...high) };
    });
    const shares = extents.map(({ low, high }) => (high === low ? 0 : low / (low - high)));
    const zero = Math.round(LARGEST * Math.max(...shares));
    for (const { value, low, high } of extents) {
      const above = zero === LARGEST ? 0 : high / (LARGEST - zero);
      const below = zero === 0 ? 0 : -low / zero;
      steps.set(value, { scale: Math.max(above, below, Number.MIN_VALUE) || 1, zero });
    }
  }
  return steps;
}
