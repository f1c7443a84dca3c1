/** The range of many values, with those that are not finite left out. */

/** The range of the finite values of a list. */
export interface Extent {
  /** Infinity where no value is finite. */
  readonly min: number;
  /** -Infinity where no value is finite. */
  readonly max: number;
  /** Number of finite values. */
  readonly finite: number;
}

/** Smallest and largest finite value. */
export function extentOf(values: Float32Array): Extent {
  let [min, max, finite] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 0];
  for (let i = 0; i < values.length; i++) {
    const value = values[i]!;
    if (!Number.isFinite(value)) continue;
    finite++;
    if (value < min) min = value;
    if (value > max) max = value;
  }
  return { min, max, finite };
}

/** The range of each channel of an image [C, ...]. */
export function channelExtents(image: Float32Array, channels: number): readonly Extent[] {
  const length = image.length / channels;
  return Array.from({ length: channels }, (_, channel) =>
    extentOf(image.subarray(channel * length, (channel + 1) * length)),
  );
}
