/**
 * The three axes of space by their number. Which of them is which follows from the triple: 0 is x in an {@link Xyz} and
 * depth in a {@link Triple}. The two orders are two types; {@link zyx} and {@link xyz} are the only doors between them.
 */
import type { Triple, Xyz } from './shape.ts';

/** Place of an axis in a triple. */
export type Axis = 0 | 1 | 2;

/** The places of the axes, in order. */
export const AXES: readonly [0, 1, 2] = [0, 1, 2];

/** The axes of space by name, in the order of {@link Xyz}. */
export const AXIS_NAMES: readonly ['x', 'y', 'z'] = ['x', 'y', 'z'];

/** One value per axis, in the order of what is read in `compute`. */
export function mapAxes<T>(compute: (axis: Axis) => T): readonly [T, T, T] {
  return [compute(0), compute(1), compute(2)];
}

/** What people write, in the order of tensors: x, y, z becomes depth = z, height = y, width = x. */
export function zyx([x, y, z]: Xyz): Triple {
  return [z, y, x];
}

/**
 * A size of a tensor in the order in which people write: depth, height, width becomes x = width, y = height, z = depth.
 */
export function xyz([depth, height, width]: Triple): Xyz {
  return [width, height, depth];
}
