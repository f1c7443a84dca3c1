/**
 * Decoupled knowledge distillation: the soft-target loss split into a part for the target class and a part for the
 * other classes, each with its own weight. In the plain loss the second part is weighted by 1 - p_target, so a
 * confident teacher teaches nothing of it.
 */
import { ShapeError } from '../../core/errors.ts';
import type { GraphBuilder, Value } from '../../graph/graph.ts';
import { coinDivergence, type SoftTargetOptions } from './logits.ts';
import { assertAlike, softmaxVoxelMean } from './voxel-mean.ts';

export interface DecoupledOptions extends SoftTargetOptions {
  /** The target class of every voxel as 0/1 maps [N, K, D, H, W]; constant. */
  readonly target: Value;
  /** alpha, the weight of the target class against all others. */
  readonly targetWeight: number;
  /** beta, the weight of the comparison among the other classes. */
  readonly nonTargetWeight: number;
}

/** Offset that removes a class from a softmax: its exponential is 0, but differences stay finite. */
const EXCLUDED = -1e30;

/**
 * T^2 mean_voxels (alpha KL(b_t || b_s) + beta KL(o_t || o_s)): b = (p_target, 1 - p_target) with p = softmax(z / T), o
 * = softmax of z / T over the classes other than the target. b is computed from its logit u = z_target / T - log
 * sum_others exp(z / T), so nothing overflows.
 * @returns scalar [], nats per voxel
 * @throws {ShapeError} if shapes differ, or with fewer than three classes, which leave nothing to compare
 * @see arXiv:2203.08679, section 3
 */
export function decoupledLoss(
  builder: GraphBuilder,
  student: Value,
  teacher: Value,
  { temperature, target, targetWeight, nonTargetWeight, ...weights }: DecoupledOptions,
): Value {
  assertAlike(student, teacher);
  const classes = student.shape[1] as number;
  if (classes < 3) throw new ShapeError(`dkd needs three or more classes, got ${classes}: use kd`);
  const isTarget = builder.greater(target, 0.5);
  const others = builder.sub(1, target);
  const split = (logits: Value): { readonly u: Value; readonly logOthers: Value } => {
    const z = builder.div(logits, temperature);
    const logOthers = builder.apply('LogSoftmax', [builder.where(isTarget, EXCLUDED, z)], { axis: 1 });
    // z - log softmax is log sum exp at every class of the softmax: their mean
    const offset = builder.where(isTarget, 0, builder.sub(z, logOthers));
    const logSum = builder.mul(builder.sum(offset, [1]), 1 / (classes - 1));
    return { u: builder.sub(builder.sum(builder.mul(z, target), [1]), logSum), logOthers };
  };
  const [t, s] = [split(teacher), split(student)];
  const ofTarget = coinDivergence(builder, t.u, s.u);
  const p = builder.mul(builder.exp(t.logOthers), others);
  const ofOthers = builder.sum(builder.mul(p, builder.sub(t.logOthers, s.logOthers)), [1]);
  const perVoxel = builder.add(builder.mul(ofTarget, targetWeight), builder.mul(ofOthers, nonTargetWeight));
  const squared = builder.mul(temperature, temperature);
  return builder.mul(softmaxVoxelMean(builder, perVoxel, { teacher, ...weights }), squared);
}
