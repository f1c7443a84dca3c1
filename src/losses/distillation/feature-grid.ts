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

/** Both features on the smaller grid of the two, axis by axis; the larger one is averaged over whole blocks. */
export function onSmallerGrid(builder: GraphBuilder, student: Value, teacher: Value): readonly [Value, Value] {
  const [left, right] = [spatial(student.shape), spatial(teacher.shape)];
  const grid = mapAxes(axis => Math.min(left[axis], right[axis]));
  return [averageTo(builder, student, grid), averageTo(builder, teacher, grid)];
}
