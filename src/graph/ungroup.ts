/**
 * Convolutions in groups as convolutions of one group, with zeros between the groups, for runtimes that have no other.
 * Exact.
 */
import { range } from '../core/shape.ts';
import { type Graph, type GraphBuilder, isOp, type Value } from './graph.ts';
import { rewrite } from './rewrite.ts';

/** A kernel [Co, Ci / group, kD, kH, kW] as one of a single group, [Co, Ci, kD, kH, kW]. */
export function fullKernel(builder: GraphBuilder, kernel: Value, group: number): Value {
  const [out, perGroup, ...taps] = kernel.shape as readonly [number, number, ...number[]];
  const inner = taps.reduce((product, size) => product * size, perGroup);
  const same = builder.float(
    range(group * group).map(index => (index % (group + 1) === 0 ? 1 : 0)),
    [group, 1, group, 1],
  );
  const apart = builder.reshape(kernel, [group, out / group, 1, inner]);
  return builder.reshape(builder.mul(apart, same), [out, group * perGroup, ...taps]);
}

/** Copies the graph into `builder` without groups. */
export function ungroup(builder: GraphBuilder, graph: Graph): Graph {
  return rewrite(builder, graph, (_, value, inputs) => {
    if (!isOp(value, 'Conv') || value.attributes.group === 1) return undefined;
    const [image, kernel] = inputs as readonly [Value, Value];
    const { group } = value.attributes;
    return builder.apply('Conv', [image, fullKernel(builder, kernel, group)], { ...value.attributes, group: 1 });
  });
}
