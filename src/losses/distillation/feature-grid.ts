/** Brings features of different resolution to one grid. */
import { mapAxes } from '../../core/axes.ts';
import { ShapeError } from '../../core/errors.ts';
import { formatShape, type Triple } from '../../core/shape.ts';
import type { GraphBuilder, Value } from '../../graph/graph.ts';
import { spatial } from '../../graph/infer.ts';

/**
 * Averages whole blocks of voxels, so that the result has `grid` voxels per axis.
 * @throws {ShapeError} if the grid does not divide the size
 */
export function averageTo(builder: GraphBuilder, value: Value, grid: Triple): Value {
  const size = spatial(value.shape);
  const kernel = mapAxes(axis => size[axis] / grid[axis]);
  if (!kernel.every(Number.isInteger)) {
    throw new ShapeError(
      `a feature of ${formatShape(size)} voxels cannot be averaged to ${formatShape(grid)}: the factors must be whole. Name ` +
        'layers whose grids divide each other',
    );
  }
  return kernel.every(factor => factor === 1) ? value : builder.apply('AveragePool', [value], { kernel });
}

/**
 * The share of each voxel of a feature that counts, where some voxels of the patch are ignored: the mean over the block
 * that the voxel stands for.
 * @param counted 1 for voxels that count and 0 for ignored ones, [N, 1, D, H, W]; all count if undefined
 * @returns [N, 1, d, h, w] on the grid of the feature; undefined where all count
 * @throws {ShapeError} if the grid does not divide the patch
 */
export function countedShare(builder: GraphBuilder, counted: Value | undefined, feature: Value): Value | undefined {
  return counted === undefined ? undefined : averageTo(builder, counted, spatial(feature.shape));
}

/** Number of samples in which something counts, and 1 or 0 for each of them, [N, 1, 1, 1, 1]. */
export function countedSamples(
  builder: GraphBuilder,
  counted: Value,
): { readonly present: Value; readonly number: Value } {
  const present = builder.cast(builder.greater(builder.sum(counted, [2, 3, 4]), 0), 'float32');
  return { present, number: builder.max(builder.total(present), 1) };
}

/** Both features on the smaller grid of the two, axis by axis; the larger one is averaged over whole blocks. */
export function onSmallerGrid(builder: GraphBuilder, student: Value, teacher: Value): readonly [Value, Value] {
  const [left, right] = [spatial(student.shape), spatial(teacher.shape)];
  const grid = mapAxes(axis => Math.min(left[axis], right[axis]));
  return [averageTo(builder, student, grid), averageTo(builder, teacher, grid)];
}
