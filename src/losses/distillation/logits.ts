/**
 * Soft-target losses on logits. s = student, t = teacher, both [N, K, D, H, W]; the teacher is a constant. All reduce to nats (or
 * squared logits) per voxel: sum over classes, weighted mean over voxels, so the value does not change with the patch size.
 */
import { ShapeError } from '../../core/errors.ts';
import { elementCount, formatShape, sameShape } from '../../core/shape.ts';
import type { GraphBuilder, Value } from '../../graph/graph.ts';

/**
 * How voxels are weighed.
 * `uniform`: every voxel alike. `balanced`: the mean over classes of the mean over the voxels that the teacher gives to the class
 * (in proportion to its probability at T = 1), so a class of 2 % of the voxels weighs as much as the background.
 * Numbers, one per class: a voxel weighs the mean of them under the teacher's probabilities.
 */
export type VoxelWeights = 'uniform' | 'balanced' | readonly number[];

export interface SoftTargetOptions {
  /** T > 0, scalar; a value of the graph, so that schedules need no new one. */
  readonly temperature: Value;
  readonly weights: VoxelWeights;
}

function assertAlike(student: Value, teacher: Value): void {
  if (!sameShape(student.shape, teacher.shape)) {
    throw new ShapeError(
      `student logits ${formatShape(student.shape)} against teacher logits ${formatShape(teacher.shape)}`,
    );
  }
}

/** Keeps a teacher of a class at no voxels from dividing by zero: a thousandth of a voxel. */
const FLOOR = 1e-3;

/** Mean over voxels of a map [N, 1, D, H, W]; `share` [N, K', D, H, W] says how much of each voxel is in which class. */
function voxelMean(builder: GraphBuilder, map: Value, share: Value, weights: VoxelWeights): Value {
  if (weights === 'uniform') return builder.mul(builder.total(map), 1 / elementCount(map.shape));
  const axes = [0, 2, 3, 4];
  const [inside, size] = [builder.sum(builder.mul(share, map), axes), builder.sum(share, axes)];
  const classes = share.shape[1] as number;
  if (weights === 'balanced') {
    return builder.mul(builder.total(builder.div(inside, builder.add(size, FLOOR))), 1 / classes);
  }
  if (weights.length !== classes) {
    throw new ShapeError(`${weights.length} class weights for ${classes} classes`);
  }
  const weigh = (value: Value): Value =>
    builder.total(builder.mul(value, builder.float(weights, [1, classes, 1, 1, 1])));
  return builder.div(weigh(inside), builder.add(weigh(size), FLOOR));
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
  return builder.mul(voxelMean(builder, divergence, share, options.weights), squared);
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
    return voxelMean(builder, map, builder.concat([builder.sub(1, inside), inside], 1), options.weights);
  });
  return builder.mul(
    means.reduce((sum, mean) => builder.add(sum, mean)),
    squared,
  );
}
