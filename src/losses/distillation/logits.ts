/**
 * Soft-target losses on logits. s = student, t = teacher, both [N, K, D, H, W]; the teacher is a constant. All reduce to nats (or
 * squared logits) per voxel: sum over classes, weighted mean over voxels, so the value does not change with the patch size.
 */
import { ShapeError } from '../../core/errors.ts';
import { formatShape, sameShape } from '../../core/shape.ts';
import type { GraphBuilder, Value } from '../../graph/graph.ts';
import { type VoxelWeights, weightedVoxelMean } from '../class-weights.ts';

export interface SoftTargetOptions {
  /** T > 0, scalar; a value of the graph, so that schedules need no new one. */
  readonly temperature: Value;
  /** By the teacher's probabilities at T = 1. */
  readonly weights: VoxelWeights;
}

function assertAlike(student: Value, teacher: Value): void {
  if (!sameShape(student.shape, teacher.shape)) {
    throw new ShapeError(
      `student logits ${formatShape(student.shape)} against teacher logits ${formatShape(teacher.shape)}`,
    );
  }
}

/**
 * Softmax form: T^2 * mean_voxels sum_c p (log p - log q), p = softmax(t / T), q = softmax(s / T).
 * @returns scalar [], nats per voxel; 0 where the student matches
 * @throws {ShapeError} if the shapes differ, or with a single channel, whose softmax is constant
 * @see arXiv:1503.02531, section 2
 */
export function softTargetLoss(
  builder: GraphBuilder,
  student: Value,
  teacher: Value,
  options: SoftTargetOptions,
): Value {
  assertAlike(student, teacher);
  if (student.shape[1] === 1) throw new ShapeError('the softmax of a single channel is constant: use the sigmoid form');
  const soften = (logits: Value): Value =>
    builder.apply('LogSoftmax', [builder.div(logits, options.temperature)], { axis: 1 });
  const [logP, logQ] = [soften(teacher), soften(student)];
  const divergence = builder.sum(builder.mul(builder.exp(logP), builder.sub(logP, logQ)), [1]);
  const share = builder.exp(builder.apply('LogSoftmax', [teacher], { axis: 1 }));
  const squared = builder.mul(options.temperature, options.temperature);
  return builder.mul(weightedVoxelMean(builder, divergence, share, options.weights), squared);
}

/**
 * Sigmoid form, the two-class divergence of every channel: T^2 * mean_voxels sum_c KL(sigmoid(t_c / T) || sigmoid(s_c / T)).
 * For one channel and for overlapping regions. The classes of `weights` are outside and
 * inside of each region.
 * @returns scalar [], nats per voxel
 * @throws {ShapeError} if the shapes differ
 */
export function sigmoidSoftTargetLoss(
  builder: GraphBuilder,
  student: Value,
  teacher: Value,
  options: SoftTargetOptions,
): Value {
  assertAlike(student, teacher);
  const softplus = (logits: Value): Value => builder.apply('Softplus', [logits], {});
  const [a, b] = [builder.div(teacher, options.temperature), builder.div(student, options.temperature)];
  const p = builder.sigmoid(a);
  // p log(p / q) + (1 - p) log((1 - p) / (1 - q)) = p (a - b) + softplus(b) - softplus(a)
  const divergence = builder.add(builder.mul(p, builder.sub(a, b)), builder.sub(softplus(b), softplus(a)));
  const squared = builder.mul(options.temperature, options.temperature);
  const channels = student.shape[1] as number;
  const means = Array.from({ length: channels }, (_, channel) => {
    const map = builder.slice(divergence, 1, channel, channel + 1);
    const inside = builder.sigmoid(builder.slice(teacher, 1, channel, channel + 1));
    return weightedVoxelMean(builder, map, builder.concat([builder.sub(1, inside), inside], 1), options.weights);
  });
  return builder.mul(
    means.reduce((sum, mean) => builder.add(sum, mean)),
    squared,
  );
}
