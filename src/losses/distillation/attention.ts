/** Activation-based attention transfer: compares where a layer is active, independent of its channels. */
import { ShapeError } from '../../core/errors.ts';
import { formatShape, sameShape } from '../../core/shape.ts';
import type { GraphBuilder, Value } from '../../graph/graph.ts';

/** Constant added to the mean square of an attention map, so that a layer of zeros has attention zero. */
const FLOOR = 1e-12;
const SPACE = [2, 3, 4];

/** sum_c F_c^2, divided by its root mean square over space; [N, 1, D, H, W]. */
function attentionMap(builder: GraphBuilder, feature: Value): Value {
  const energy = builder.mul(builder.sum(builder.mul(feature, feature), [1]), 1 / (feature.shape[1] as number));
  const meanSquare = builder.mean(builder.mul(energy, energy), SPACE);
  return builder.div(energy, builder.sqrt(builder.add(meanSquare, FLOOR)));
}

/**
 * mean_samples || Q_s / ||Q_s|| - Q_t / ||Q_t|| ||^2 with Q = sum_c F_c^2 as a vector over voxels: 0 to 2. Squared as
 * in the authors' code; the sum over voxels of maps of norm 1 is computed as the mean over voxels of maps of root mean
 * square 1.
 * @param student F_s, [N, C, D, H, W]; differentiated
 * @param teacher F_t, same grid, any number of channels; constant
 * @returns scalar [], no unit
 * @throws {ShapeError} if the grids differ
 * @see arXiv:1612.03928, equation 2
 */
export function attentionLoss(builder: GraphBuilder, student: Value, teacher: Value): Value {
  if (!sameShape(student.shape.slice(2), teacher.shape.slice(2))) {
    throw new ShapeError(
      `attention of a student's ${formatShape(student.shape)} against a teacher's ${formatShape(teacher.shape)}: grids differ`,
    );
  }
  const difference = builder.sub(attentionMap(builder, student), attentionMap(builder, teacher));
  const perSample = builder.mean(builder.mul(difference, difference), SPACE);
  return builder.mul(builder.total(perSample), 1 / (student.shape[0] as number));
}
