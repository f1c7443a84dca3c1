/**
 * Channel-wise distillation: each channel is a distribution over space, so its pattern counts and its magnitude does
 * not.
 */
import { elementCount } from '../../core/shape.ts';
import type { GraphBuilder, Value } from '../../graph/graph.ts';
import { assertAlike } from './voxel-mean.ts';

/**
 * T^2 mean_(samples, channels) sum_voxels p (log p - log q), p = softmax over voxels of t / T, q = softmax over voxels
 * of s / T.
 * @param student s, logits or features [N, C, D, H, W]; differentiated
 * @param teacher t, same shape; constant
 * @param temperature T > 0, scalar
 * @returns scalar [], nats per channel
 * @throws {ShapeError} if the shapes differ
 * @see arXiv:2011.13256, section 3
 */
export function channelWiseLoss(builder: GraphBuilder, student: Value, teacher: Value, temperature: Value): Value {
  assertAlike(student, teacher, 'feature');
  const [samples, channels] = student.shape as readonly [number, number];
  const rows = [samples * channels, elementCount(student.shape.slice(2))];
  const soften = (value: Value): Value =>
    builder.apply('LogSoftmax', [builder.reshape(builder.div(value, temperature), rows)], { axis: 1 });
  const [logP, logQ] = [soften(teacher), soften(student)];
  const divergence = builder.sum(builder.mul(builder.exp(logP), builder.sub(logP, logQ)), [1]);
  const mean = builder.mul(builder.total(divergence), 1 / (samples * channels));
  return builder.mul(mean, builder.mul(temperature, temperature));
}
