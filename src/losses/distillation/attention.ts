/** Activation-based attention transfer: compares where a layer is active, independent of its channels. */
import { ShapeError } from '../../core/errors.ts';
import { formatShape, sameShape } from '../../core/shape.ts';
import type { GraphBuilder, Value } from '../../graph/graph.ts';
import { countedSamples } from './feature-grid.ts';

/** Constant added to the mean square of an attention map, so that a layer of zeros has attention zero. */
const FLOOR = 1e-12;
const SPACE = [2, 3, 4];

/** Added to the number of voxels that count, so that a sample without any has a mean of 0. */
const SMALLEST_COUNT = 1e-6;

type SpaceMean = (value: Value) => Value;

/** The mean over space of each sample, weighted by the share of each voxel that counts. */
function spaceMean(builder: GraphBuilder, counted: Value | undefined): SpaceMean {
  if (counted === undefined) return value => builder.mean(value, SPACE);
  const number = builder.add(builder.sum(counted, SPACE), SMALLEST_COUNT);
  return value => builder.div(builder.sum(builder.mul(value, counted), SPACE), number);
}

/** sum_c F_c^2, divided by its root mean square over space; [N, 1, D, H, W]. */
function attentionMap(builder: GraphBuilder, feature: Value, mean: SpaceMean): Value {
  const energy = builder.mul(builder.sum(builder.mul(feature, feature), [1]), 1 / (feature.shape[1] as number));
  const meanSquare = mean(builder.mul(energy, energy));
  return builder.div(energy, builder.sqrt(builder.add(meanSquare, FLOOR)));
}

/**
 * mean_samples || Q_s / ||Q_s|| - Q_t / ||Q_t|| ||^2 with Q = sum_c F_c^2 as a vector over voxels: 0 to 2. Squared as
 * in the authors' code; the sum over voxels of maps of norm 1 is computed as the mean over voxels of maps of root mean
 * square 1.
 * @param student F_s, [N, C, D, H, W]; differentiated
 * @param teacher F_t, same grid, any number of channels; constant
 * @returns scalar [], no unit
 * @param counted the share of each voxel that counts, [N, 1, D, H, W]: it weights every sum over voxels, and samples in
 *   which nothing counts are left out of the mean; all count if not given
 * @throws {ShapeError} if the grids differ
 * @see arXiv:1612.03928, equation 2
 */
export function attentionLoss(builder: GraphBuilder, student: Value, teacher: Value, counted?: Value): Value {
  if (!sameShape(student.shape.slice(2), teacher.shape.slice(2))) {
    throw new ShapeError(
      `attention of a student's ${formatShape(student.shape)} against a teacher's ${formatShape(teacher.shape)}: grids differ`,
    );
  }
  const mean = spaceMean(builder, counted);
  const difference = builder.sub(attentionMap(builder, student, mean), attentionMap(builder, teacher, mean));
  const perSample = mean(builder.mul(difference, difference));
  // a sample in which nothing counts has a mean of 0
  if (counted !== undefined) return builder.div(builder.total(perSample), countedSamples(builder, counted).number);
  return builder.mul(builder.total(perSample), 1 / (student.shape[0] as number));
}
