/** Kernels of convolutions in groups for convolutions of one group, with zeros between the groups. Exact. */
import { range } from '../core/shape.ts';
import type { GraphBuilder, Value } from './graph.ts';

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
