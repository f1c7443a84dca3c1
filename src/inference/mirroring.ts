/**
 * Test-time mirroring: a model also sees each window flipped along some axes, and its output for the flipped window is
 * flipped back; sliding-window.ts averages the views. Arrays are [..., D, H, W], row-major.
 */

import { AXIS_NAMES } from '../core/axes.ts';
import { range, type Triple } from '../core/shape.ts';

/** An axis of a volume; x runs along W, y along H, z along D. */
export type MirrorAxis = 'x' | 'y' | 'z';

/** All subsets of the axes, the empty one first: 2^n views of a window. */
export function mirrorings(axes: readonly MirrorAxis[]): readonly (readonly MirrorAxis[])[] {
  const distinct = [...new Set(axes)];
  return range(2 ** distinct.length).map(bits => distinct.filter((_, index) => ((bits >> index) & 1) === 1));
}

/**
 * Flips an array along axes; flipping twice gives the array again.
 * @param values [..., D, H, W]
 * @returns new data, or `values` itself if there is no axis
 */
export function mirror(
  values: Float32Array,
  [depth, height, width]: Triple,
  axes: readonly MirrorAxis[],
): Float32Array {
  if (axes.length === 0) return values;
  const [flipX, flipY, flipZ] = AXIS_NAMES.map(axis => axes.includes(axis));
  const result = new Float32Array(values.length);
  const volumes = values.length / (depth * height * width);
  for (let volume = 0, to = 0; volume < volumes; volume++) {
    for (let z = 0; z < depth; z++) {
      const slice = volume * depth + (flipZ ? depth - 1 - z : z);
      for (let y = 0; y < height; y++, to += width) {
        const from = (slice * height + (flipY ? height - 1 - y : y)) * width;
        const row = result.subarray(to, to + width);
        row.set(values.subarray(from, from + width));
        if (flipX) row.reverse();
      }
    }
  }
  return result;
}
