/**
 * The axes of a network's kernels against those of everything else here, [D = z, H = y, W = x]. A network of planes is
 * one of volumes with 1 along the axis that it does not know, and one that was trained on turned volumes is the same
 * network with its kernels turned: neither costs anything when it runs.
 */
import { mapAxes } from '../../core/axes.ts';
import { invariant } from '../../core/errors.ts';
import { elementCount, type Shape, type Triple } from '../../core/shape.ts';

/** How a network's axes lie. */
export interface Space {
  /** Axes of its kernels. */
  readonly rank: 2 | 3;
  /**
   * For each of D, H, W its place among the network's three axes; of a network of planes the first of these is the one
   * across them.
   */
  readonly order: Triple;
}

/** One value per axis of the network as one per D, H, W; `across` stands for the axis that planes do not have. */
export function toVolume<T>({ rank, order }: Space, values: readonly T[], across: T): readonly [T, T, T] {
  invariant(values.length === rank, `${values.length} values for ${rank} axes`);
  const all = rank === 2 ? [across, ...values] : values;
  return mapAxes(axis => all[order[axis]] as T);
}

/** A kernel [Co, Ci, k...] of the network as [Co, Ci, kD, kH, kW]. */
export function kernelToVolume(
  space: Space,
  data: Float32Array,
  shape: Shape,
): { readonly data: Float32Array; readonly shape: Shape } {
  const [out = 1, into = 1, ...taps] = shape;
  const own = space.rank === 2 ? [1, ...taps] : taps;
  const [d, h, w] = toVolume(space, taps, 1);
  const turned = [out, into, d, h, w];
  const [stepD, stepH, stepW] = mapAxes(axis => elementCount(own.slice(space.order[axis] + 1)));
  if (stepD >= stepH && stepH >= stepW && space.order.every((place, axis) => place === axis)) {
    return { data, shape: turned };
  }
  const result = new Float32Array(data.length);
  const volume = d * h * w;
  let to = 0;
  for (let start = 0; start < data.length; start += volume) {
    for (let z = 0; z < d; z++) {
      for (let y = 0; y < h; y++) {
        for (let x = 0; x < w; x++) result[to++] = data[start + z * stepD + y * stepH + x * stepW]!;
      }
    }
  }
  return { data: result, shape: turned };
}
