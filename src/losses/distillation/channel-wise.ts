/**
 * Channel-wise distillation: each channel is a distribution over space, so its pattern counts and its magnitude does
 * not.
 */
import { elementCount } from '../../core/shape.ts';
import type { GraphBuilder, Value } from '../../graph/graph.ts';
import { countedSamples } from './feature-grid.ts';
import { assertAlike } from './voxel-mean.ts';

/** Logarithm of a share of 0: its exponential is 0, but differences stay finite. */
const NOTHING = -1e30;

export interface ChannelWiseOptions {
  /** T > 0, scalar. */
  readonly temperature: Value;
  /** w, the share of each voxel that counts, [N, 1, D, H, W]; all count if not given. */
  readonly counted?: Value | undefined;
}

/** log w, so that a softmax over voxels gives each the part w of its exponential. */
function logShare(builder: GraphBuilder, counted: Value): Value {
  const positive = builder.greater(counted, 0);
  return builder.where(positive, builder.log(builder.where(positive, counted, 1)), NOTHING);
}

/**
 * T^2 mean_(samples, channels) sum_voxels p (log p - log q), p = softmax over voxels of t / T, q = softmax over voxels
 * of s / T.
 * @param student s, logits or features [N, C, D, H, W]; differentiated
 * @param teacher t, same shape; constant
 *
 * With w the softmaxes are p = w e^(t / T) / sum_voxels w e^(t / T) and q likewise, and samples in which nothing counts
 * are left out of the mean.
 * @returns scalar [], nats per channel
 * @throws {ShapeError} if the shapes differ
 * @see arXiv:2011.13256, section 3
 */
export function channelWiseLoss(
  builder: GraphBuilder,
  student: Value,
  teacher: Value,
  { temperature, counted }: ChannelWiseOptions,
): Value {
  assertAlike(student, teacher, 'feature');
  const [samples, channels] = student.shape as readonly [number, number];
  const rows = [samples * channels, elementCount(student.shape.slice(2))];
  const share = counted && logShare(builder, counted);
  const soften = (value: Value): Value => {
    const softened = builder.div(value, temperature);
    const weighted = share === undefined ? softened : builder.add(softened, share);
    return builder.apply('LogSoftmax', [builder.reshape(weighted, rows)], { axis: 1 });
  };
  const [logP, logQ] = [soften(teacher), soften(student)];
  const divergence = builder.sum(builder.mul(builder.exp(logP), builder.sub(logP, logQ)), [1]);
  const squared = builder.mul(temperature, temperature);
  if (counted === undefined) {
    return builder.mul(builder.mul(builder.total(divergence), 1 / (samples * channels)), squared);
  }
  const { present, number } = countedSamples(builder, counted);
  const perSample = builder.mul(
    builder.reshape(divergence, [samples, channels]),
    builder.reshape(present, [samples, 1]),
  );
  return builder.mul(builder.div(builder.mul(builder.total(perSample), 1 / channels), number), squared);
}
