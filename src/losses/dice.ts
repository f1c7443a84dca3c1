/** Soft Dice loss on probabilities [N, K, D, H, W]. */
import type { GraphBuilder, Value } from '../graph/graph.ts';

export interface DiceOptions {
  /** Whether sums run over the whole batch rather than over each sample. */
  readonly batch: boolean;
  /** Whether channel 0 counts; always true for a single channel. */
  readonly background: boolean;
  /** Whether the denominator has squares (V-Net) rather than plain sums. */
  readonly squared: boolean;
  /** Smoothing term added to numerator and denominator. */
  readonly smooth: number;
}

/**
 * 1 - mean_(samples, classes) (2 sum y p + e) / (sum y + sum p + e), sums over voxels.
 * @param probability p, [N, K, D, H, W]; differentiated
 * @param target y, same shape, hard labels; constant
 * @returns scalar [], in [0, 1]
 * @see arXiv:1606.04797 for the squared form
 */
export function diceLoss(builder: GraphBuilder, probability: Value, target: Value, options: DiceOptions): Value {
  const classes = probability.shape[1] as number;
  const start = options.background || classes === 1 ? 0 : 1;
  const axes = options.batch ? [0, 2, 3, 4] : [2, 3, 4];
  const size = (value: Value): Value => builder.sum(options.squared ? builder.mul(value, value) : value, axes);
  const overlap = builder.sum(builder.mul(target, probability), axes);
  const ratio = builder.div(
    builder.add(builder.mul(overlap, 2), options.smooth),
    builder.add(builder.add(size(probability), size(target)), options.smooth),
  );
  const counted = builder.slice(ratio, 1, start, classes);
  const count = (counted.shape[0] as number) * (classes - start);
  return builder.sub(1, builder.mul(builder.total(counted), 1 / count));
}
