/**
 * Hard-label cross-entropy. Logits are [N, K, D, H, W]; reduction is the sum over classes and the weighted mean over
 * voxels and batch.
 */
import type { GraphBuilder, Value } from '../graph/graph.ts';
import { type VoxelWeights, weightedVoxelMean } from './class-weights.ts';

/** How voxels count in a cross-entropy. */
export interface CrossEntropyOptions {
  readonly weights: VoxelWeights;
  /** 1 for voxels that count and 0 for those that nobody has labelled, [N, 1, D, H, W]; all count if not given. */
  readonly counted?: Value | undefined;
}

/**
 * Categorical: - mean_voxels sum_c y_c log softmax(z)_c.
 * @param logits z, [N, K, D, H, W]; differentiated
 * @param oneHot y, same shape; constant
 * @returns scalar [], nats per voxel
 */
export function categoricalCrossEntropy(
  builder: GraphBuilder,
  logits: Value,
  oneHot: Value,
  { weights, counted }: CrossEntropyOptions,
): Value {
  const logProbability = builder.apply('LogSoftmax', [logits], { axis: 1 });
  const perVoxel = builder.neg(builder.sum(builder.mul(oneHot, logProbability), [1]));
  return weightedVoxelMean(builder, perVoxel, { share: oneHot, weights, emphasis: counted });
}

/**
 * Binary, for one channel or overlapping regions: sum_c mean_voxels softplus(z_c) - y_c z_c, where the weights have two
 * classes, outside and inside each region.
 * @param logits z, [N, K, D, H, W]; differentiated
 * @param target y in [0, 1], same shape; constant
 * @returns scalar [], nats per voxel
 */
export function binaryCrossEntropy(
  builder: GraphBuilder,
  logits: Value,
  target: Value,
  { weights, counted }: CrossEntropyOptions,
): Value {
  const perVoxel = builder.sub(builder.apply('Softplus', [logits], {}), builder.mul(target, logits));
  const means = Array.from({ length: logits.shape[1] as number }, (_, channel) => {
    const [map, inside] = [perVoxel, target].map(value => builder.slice(value, 1, channel, channel + 1)) as [
      Value,
      Value,
    ];
    const share = builder.concat([builder.sub(counted ?? 1, inside), inside], 1);
    return weightedVoxelMean(builder, map, { share, weights, emphasis: counted });
  });
  return means.reduce((sum, mean) => builder.add(sum, mean));
}
