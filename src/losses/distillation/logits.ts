/**
 * Soft-target losses on logits. s = student, t = teacher, both [N, K, D, H, W]; the teacher is a constant. All reduce
 * to nats per voxel: sum over classes, weighted mean over voxels, so the value does not change with the patch size.
 */
import { ShapeError } from '../../core/errors.ts';
import type { GraphBuilder, Value } from '../../graph/graph.ts';
import { assertAlike, type SoftWeights, sigmoidVoxelMean, softmaxVoxelMean } from './voxel-mean.ts';

export interface SoftTargetOptions extends SoftWeights {
  /** T > 0, scalar; a value of the graph, so that a schedule does not rebuild the graph. */
  readonly temperature: Value;
}

/**
 * p (a - b) + softplus(b) - softplus(a) with p = sigmoid(a): the KL divergence of two Bernoulli distributions with
 * logits a and b, in nats.
 */
export function coinDivergence(builder: GraphBuilder, teacher: Value, student: Value): Value {
  const softplus = (logits: Value): Value => builder.apply('Softplus', [logits], {});
  const p = builder.sigmoid(teacher);
  return builder.add(builder.mul(p, builder.sub(teacher, student)), builder.sub(softplus(student), softplus(teacher)));
}

/**
 * Softmax form: T^2 * mean_voxels sum_c p (log p - log q), p = softmax(t / T), q = softmax(s / T).
 * @returns scalar [], nats per voxel; 0 if the student matches
 * @throws {ShapeError} if the shapes differ, or with a single channel, whose softmax is constant
 * @see arXiv:1503.02531, section 2
 */
export function softTargetLoss(
  builder: GraphBuilder,
  student: Value,
  teacher: Value,
  { temperature, ...weights }: SoftTargetOptions,
): Value {
  assertAlike(student, teacher);
  if (student.shape[1] === 1) throw new ShapeError('the softmax of a single channel is constant: use the sigmoid form');
  const soften = (logits: Value): Value => builder.apply('LogSoftmax', [builder.div(logits, temperature)], { axis: 1 });
  const [logP, logQ] = [soften(teacher), soften(student)];
  const divergence = builder.sum(builder.mul(builder.exp(logP), builder.sub(logP, logQ)), [1]);
  const squared = builder.mul(temperature, temperature);
  return builder.mul(softmaxVoxelMean(builder, divergence, { teacher, ...weights }), squared);
}

/**
 * Sigmoid form, the two-class divergence of every channel: T^2 * mean_voxels sum_c KL(sigmoid(t_c / T) || sigmoid(s_c /
 * T)). For one channel and for overlapping regions.
 * @returns scalar [], nats per voxel
 * @throws {ShapeError} if the shapes differ
 */
export function sigmoidSoftTargetLoss(
  builder: GraphBuilder,
  student: Value,
  teacher: Value,
  { temperature, ...weights }: SoftTargetOptions,
): Value {
  assertAlike(student, teacher);
  const [a, b] = [builder.div(teacher, temperature), builder.div(student, temperature)];
  const squared = builder.mul(temperature, temperature);
  const divergence = coinDivergence(builder, a, b);
  return builder.mul(sigmoidVoxelMean(builder, divergence, { teacher, ...weights }), squared);
}
