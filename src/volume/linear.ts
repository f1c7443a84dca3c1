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

/** Linear interpolation along the axis whose voxels lie side by side in memory, row after row. */
function interpolateRows(data: Float32Array, { outer, length }: AxisView, newLength: number): Float32Array {
  const result = new Float32Array(outer * newLength);
  const lowers = new Int32Array(newLength);
  const steps = new Int32Array(newLength);
  const weights = new Float64Array(newLength);
  for (let j = 0; j < newLength; j++) {
    const { lower, weight } = samplePosition(j, length, newLength);
    lowers[j] = lower;
    weights[j] = weight;
    steps[j] = weight > 0 ? 1 : 0;
  }
  for (let o = 0, to = 0; o < outer; o++) {
    for (let j = 0; j < newLength; j++, to++) {
      const from = o * length + lowers[j]!;
      const low = data[from]!;
      result[to] = steps[j] === 0 ? low : low + weights[j]! * (data[from + 1]! - low);
    }
  }
  return result;
}

/** Linear interpolation along one axis. */
export function interpolateAxis(data: Float32Array, view: AxisView, newLength: number): Float32Array {
  const { outer, length, inner } = view;
  if (inner === 1) return interpolateRows(data, view, newLength);
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
