/**
 * Resamples a volume slice by slice, so that it is never in memory as a whole. A slice is [channels, y, x]; grids
 * correspond as in resample.ts and the result is the same: linear within each slice, then linear between neighbours.
 * One axis may take the nearest voxel instead.
 */
import { interpolateAxis, samplePosition } from './linear.ts';
import { type AxisIndex, nearestAxis, nearestIndices } from './resample-apart.ts';
import type { Xyz } from './volume.ts';

export interface SliceGrids {
  readonly channels: number;
  /** Size of the input. */
  readonly from: Xyz;
  /** Size of the result. */
  readonly to: Xyz;
  /** The axis, of x, y, z, along which nothing is interpolated; none if not given. */
  readonly nearest?: AxisIndex;
}

/** A slice on the columns and rows of the other grid; new data. */
function resampleSlice(slice: Float32Array, { channels, from, to, nearest }: SliceGrids): Float32Array {
  const [width, height] = from;
  const [newWidth, newHeight] = to;
  const along = (axis: AxisIndex) => (axis === nearest ? nearestAxis : interpolateAxis);
  let data = slice;
  if (newWidth !== width) {
    data = along(0)(data, { outer: channels * height, length: width, inner: 1 }, newWidth);
  }
  if (newHeight !== height) {
    data = along(1)(data, { outer: channels, length: height, inner: newWidth }, newHeight);
  }
  return data === slice ? slice.slice() : data;
}

/** Writes what lies between two slices. */
function between(
  result: Float32Array,
  { below, above }: { readonly below: Float32Array; readonly above: Float32Array },
  weight: number,
): Float32Array {
  for (let i = 0; i < result.length; i++) result[i] = below[i]! + weight * (above[i]! - below[i]!);
  return result;
}

/**
 * Resamples a stream of slices over the same box. Three slices are held at a time.
 * @param slices of the whole volume, ascending in z; each is read before the next is asked for
 * @returns slices of the other grid, ascending in z; each is valid until the next is asked for
 */
export async function* resampleSlices(
  slices: AsyncIterable<Float32Array>,
  grids: SliceGrids,
): AsyncGenerator<Float32Array, void> {
  const { from, to } = grids;
  if (from.every((size, axis) => size === to[axis])) {
    yield* slices;
    return;
  }
  const [depth, newDepth] = [from[2], to[2]];
  const places = grids.nearest === 2 ? nearestIndices(depth, newDepth) : undefined;
  let below: Float32Array = new Float32Array(0);
  let above = below;
  const middle = new Float32Array(grids.channels * to[0] * to[1]);
  let [z, next] = [0, 0];
  for await (const slice of slices) {
    [below, above] = [above, resampleSlice(slice, grids)];
    for (; next < newDepth; next++) {
      const { lower, weight } =
        places === undefined ? samplePosition(next, depth, newDepth) : { lower: places[next]!, weight: 0 };
      if (lower + Math.ceil(weight) > z) break;
      yield weight === 0 ? above : between(middle, { below, above }, weight);
    }
    z++;
  }
}
