/** Linear interpolation along one axis of an array, and the position of a new voxel among the old ones. */
/** One axis of an array seen as [outer, length, inner]. */
export interface AxisView {
  readonly outer: number;
  readonly length: number;
  readonly inner: number;
}

/**
 * Position of voxel j of `newLength` among the `length` voxels of the same extent: between `lower` and the next one.
 */
export function samplePosition(
  j: number,
  length: number,
  newLength: number,
): { readonly lower: number; readonly weight: number } {
  const position = Math.min(length - 1, Math.max(0, ((j + 0.5) * length) / newLength - 0.5));
  const lower = Math.floor(position);
  return { lower, weight: position - lower };
}

/** Linear interpolation along one axis. */
export function interpolateAxis(
  data: Float32Array,
  { outer, length, inner }: AxisView,
  newLength: number,
): Float32Array {
  const result = new Float32Array(outer * newLength * inner);
  for (let j = 0; j < newLength; j++) {
    const { lower, weight } = samplePosition(j, length, newLength);
    const step = weight > 0 ? inner : 0;
    for (let o = 0; o < outer; o++) {
      const from = (o * length + lower) * inner;
      const to = (o * newLength + j) * inner;
      for (let i = 0; i < inner; i++) {
        const low = data[from + i]!;
        result[to + i] = step === 0 ? low : low + weight * (data[from + step + i]! - low);
      }
    }
  }
  return result;
}
