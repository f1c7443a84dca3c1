/** Hard-label cross-entropy. Logits are [N, K, D, H, W]; reduction is the sum over classes and the mean over voxels and batch. */
import { elementCount } from '../core/shape.ts';
import type { GraphBuilder, Value } from '../graph/graph.ts';

function voxels(logits: Value): number {
  return elementCount(logits.shape) / (logits.shape[1] as number);
}

/**
 * Categorical: - mean_voxels sum_c y_c log softmax(z)_c.
 * @param logits z, [N, K, D, H, W]; differentiated
 * @param oneHot y, same shape; constant
 * @returns scalar [], nats per voxel
 */
export function categoricalCrossEntropy(builder: GraphBuilder, logits: Value, oneHot: Value): Value {
  const logProbability = builder.apply('LogSoftmax', [logits], { axis: 1 });
  return builder.mul(builder.total(builder.mul(oneHot, logProbability)), -1 / voxels(logits));
}

/**
 * Binary, for one channel or overlapping regions: mean_voxels sum_c softplus(z) - y z.
 * @param logits z, [N, K, D, H, W]; differentiated
 * @param target y in [0, 1], same shape; constant
 * @returns scalar [], nats per voxel
 */
export function binaryCrossEntropy(builder: GraphBuilder, logits: Value, target: Value): Value {
  const perVoxel = builder.sub(builder.apply('Softplus', [logits], {}), builder.mul(target, logits));
  return builder.mul(builder.total(perVoxel), 1 / voxels(logits));
}
