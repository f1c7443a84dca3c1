/** Regression of the student's logits on the teacher's, both [N, K, D, H, W]; the teacher is a constant. */
import type { GraphBuilder, Value } from '../../graph/graph.ts';
import { assertAlike, type SoftWeights, sigmoidVoxelMean, softmaxVoxelMean } from './voxel-mean.ts';

export interface LogitRegressionOptions extends SoftWeights {
  /** `softmax`: exclusive classes, channel 0 the background; `sigmoid`: independent channels. */
  readonly activation: 'softmax' | 'sigmoid';
  /**
   * Whether the mean over classes is first subtracted from the difference, since a softmax ignores it. The loss is then
   * the limit of the soft-target loss as T grows; otherwise the student also follows the teacher's offset. Not for
   * independent channels.
   */
  readonly centred: boolean;
}

/**
 * 1/2 mean_voxels mean_c (d_c - mean d)^2 with d = s - t (or d itself where not centred).
 * @returns scalar [], squared logits
 * @throws {ShapeError} if the shapes differ
 * @see arXiv:1312.6184, section 2.2; the limit: arXiv:1503.02531, section 2.1
 */
export function logitRegressionLoss(
  builder: GraphBuilder,
  student: Value,
  teacher: Value,
  { activation, centred, ...weights }: LogitRegressionOptions,
): Value {
  assertAlike(student, teacher);
  const difference = builder.sub(student, teacher);
  if (activation === 'sigmoid') {
    const half = builder.mul(builder.mul(difference, difference), 0.5 / (student.shape[1] as number));
    return sigmoidVoxelMean(builder, half, { teacher, ...weights });
  }
  const d = centred ? builder.sub(difference, builder.mean(difference, [1])) : difference;
  const half = builder.mul(builder.mean(builder.mul(d, d), [1]), 0.5);
  return softmaxVoxelMean(builder, half, { teacher, ...weights });
}
