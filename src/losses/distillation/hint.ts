/** FitNets hints: a feature of the student, after an adapter, against a feature of the teacher. */
import type { GraphBuilder, Value } from '../../graph/graph.ts';
import { weightedVoxelMean } from '../class-weights.ts';
import { assertAlike } from './voxel-mean.ts';

/**
 * 1/2 mean (r - f)^2 over batch, channels and voxels. The paper sums over a layer; the mean makes the value independent
 * of its size.
 * @param adapted r, the student's feature after its 1x1x1 adapter, [N, C, D, H, W]; differentiated
 * @param teacher f, same shape; constant
 * @returns scalar [], squared units of the feature
 * @param counted w, the share of each voxel that counts, [N, 1, D, H, W], then
 *   1/2 sum_voxels w mean_channels (r - f)^2 / sum_voxels w; all count if not given
 * @throws {ShapeError} if the shapes differ
 * @see arXiv:1412.6550, equation 3
 */
export function hintLoss(builder: GraphBuilder, adapted: Value, teacher: Value, counted?: Value): Value {
  assertAlike(adapted, teacher, 'feature');
  const difference = builder.sub(adapted, teacher);
  if (counted !== undefined) {
    const half = builder.mul(builder.mean(builder.mul(difference, difference), [1]), 0.5);
    return weightedVoxelMean(builder, half, { share: counted, weights: 'uniform', emphasis: counted });
  }
  const perChannel = builder.mean(builder.mul(difference, difference), [2, 3, 4]);
  const channels = perChannel.shape.reduce((product, size) => product * size, 1);
  return builder.mul(builder.total(perChannel), 0.5 / channels);
}
