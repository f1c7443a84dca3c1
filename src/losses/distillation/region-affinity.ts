/**
 * Region affinity of EMKD: the similarity of the mean features of two regions should be the same in student and
 * teacher. The regions are the classes. The other two modules of the paper are elsewhere: prediction maps are the
 * soft-target loss, importance maps are attention transfer. The paper has two regions; this loss uses every pair of K.
 */

import { elementCount } from '../../core/shape.ts';
import type { GraphBuilder, Value } from '../../graph/graph.ts';
import { spatial } from '../../graph/infer.ts';
import { averageTo } from './feature-grid.ts';

/** Constant added to squared norms of mean features, and to sizes of regions in voxels. */
const FLOOR = 1e-8;

/** Cosines between the mean features of the regions of every sample, [N, K, K]. */
function affinity(builder: GraphBuilder, feature: Value, regions: Value): Value {
  const [samples, channels] = feature.shape as readonly [number, number];
  const grid = spatial(feature.shape);
  const voxels = elementCount(grid);
  const share = averageTo(builder, regions, grid);
  const count = regions.shape[1] as number;
  const members = builder.transpose(builder.reshape(share, [samples, count, voxels]), [0, 2, 1]);
  const sizes = builder.add(builder.sum(members, [1]), FLOOR);
  const sums = builder.apply('MatMul', [builder.reshape(feature, [samples, channels, voxels]), members], {});
  const means = builder.div(sums, sizes);
  const norms = builder.sqrt(builder.add(builder.sum(builder.mul(means, means), [1]), FLOOR));
  const unit = builder.div(means, norms);
  return builder.apply('MatMul', [builder.transpose(unit, [0, 2, 1]), unit], {});
}

/**
 * Mean over samples and pairs i < j of regions that the sample has, of (cos(m_i, m_j)_student - cos(m_i,
 * m_j)_teacher)^2, m_i being the mean feature over region i. Each feature keeps its own grid and channels: the regions
 * are averaged to the grid.
 * @param student F_s, [N, C, D, H, W]; differentiated
 * @param teacher F_t, [N, C', D', H', W']; constant
 * @param regions 0/1 maps [N, K, D, H, W] on a grid that the grids of both features divide; constant
 * @returns scalar [], no unit; 0 if no sample has two regions
 * @throws {ShapeError} if a grid does not divide that of the regions
 * @see arXiv:2108.09987
 */
export function regionAffinityLoss(builder: GraphBuilder, student: Value, teacher: Value, regions: Value): Value {
  const [samples, count] = regions.shape as readonly [number, number];
  const difference = builder.sub(affinity(builder, student, regions), affinity(builder, teacher, regions));
  const size = builder.reshape(builder.sum(regions, [2, 3, 4]), [samples, count, 1]);
  const present = builder.cast(builder.greater(size, 0), 'float32');
  const upper = Array.from({ length: count * count }, (_, index) =>
    index % count > Math.floor(index / count) ? 1 : 0,
  );
  const both = builder.mul(present, builder.transpose(present, [0, 2, 1]));
  const pairs = builder.mul(both, builder.float(upper, [1, count, count]));
  const sum = builder.total(builder.mul(builder.mul(difference, difference), pairs));
  return builder.div(sum, builder.max(builder.total(pairs), 1));
}
