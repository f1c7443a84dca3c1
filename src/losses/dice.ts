/** Soft Dice and Tversky losses on probabilities [N, K, D, H, W]. */
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
  /** Weight of false positives, alpha of the Tversky index; 0.5, as in Dice, if not given. */
  readonly falsePositives?: number;
  /** Weight of false negatives, beta of the Tversky index; 0.5, as in Dice, if not given. */
  readonly falseNegatives?: number;
}

/** How a Dice loss is formed, and over which voxels. */
export interface DiceLossOptions extends DiceOptions {
  /** 1 for voxels that count and 0 for those that nobody has labelled, [N, 1, D, H, W]; all count if not given. */
  readonly counted?: Value | undefined;
  /** 1 for the classes that were looked for in a sample and 0 for others, [N, K, 1, 1, 1]; all if not given. */
  readonly annotated?: Value | undefined;
}

/**
 * 1 - mean_(samples, classes) (2 sum y p + e) / (sum y + sum p + e), sums over voxels. A class that was not looked for
 * in a sample is in none of its sums; one that was looked for in none of them is not in the mean.
 *
 * With other weights a of false positives and b of false negatives than 1/2 it is the Tversky loss, 1 - mean (2 sum y p
 * + e) / (2 sum y p + 2 a sum (1 - y) p + 2 b sum y (1 - p) + e), whose false positives are sum p - sum y p.
 * @param prediction p, [N, K, D, H, W]; differentiated
 * @param target y, same shape, hard labels, 0 where nothing counts; constant
 * @returns scalar [], in [0, 1]
 * @see arXiv:1606.04797 for the squared form, arXiv:1706.05721 for the Tversky loss
 */
export function diceLoss(
  builder: GraphBuilder,
  prediction: Value,
  target: Value,
  { counted, annotated, falsePositives = 0.5, falseNegatives = 0.5, ...options }: DiceLossOptions,
): Value {
  const known = (value: Value): Value => (annotated === undefined ? value : builder.mul(value, annotated));
  const probability = known(counted === undefined ? prediction : builder.mul(prediction, counted));
  const truth = known(target);
  const classes = probability.shape[1] as number;
  const start = options.background || classes === 1 ? 0 : 1;
  const axes = options.batch ? [0, 2, 3, 4] : [2, 3, 4];
  const size = (value: Value): Value => builder.sum(options.squared ? builder.mul(value, value) : value, axes);
  const overlap = builder.sum(builder.mul(truth, probability), axes);
  // a sum p + b sum y + (1 - a - b) sum y p, twice; what is 1 or 0 there is not multiplied, so 1/2 and 1/2 are Dice
  const times = (value: Value, factor: number): readonly Value[] => {
    if (factor === 0) return [];
    return [factor === 1 ? value : builder.mul(value, factor)];
  };
  const sizes = [
    ...times(size(probability), 2 * falsePositives),
    ...times(size(truth), 2 * falseNegatives),
    ...times(overlap, 2 * (1 - falsePositives - falseNegatives)),
  ].reduce((sum, value) => builder.add(sum, value));
  // where nothing was looked for, 0 / 1 instead of 0 / 0
  const present = annotated && (options.batch ? builder.min(builder.sum(annotated, [0]), 1) : annotated);
  const floor = present === undefined ? options.smooth : builder.add(builder.sub(1, present), options.smooth);
  const ratio = builder.div(builder.add(builder.mul(overlap, 2), options.smooth), builder.add(sizes, floor));
  const ratios = builder.slice(ratio, 1, start, classes);
  if (present === undefined) {
    const count = (ratios.shape[0] as number) * (classes - start);
    return builder.sub(1, builder.mul(builder.total(ratios), 1 / count));
  }
  const counts = builder.slice(present, 1, start, classes);
  return builder.sub(1, builder.div(builder.total(builder.mul(ratios, counts)), builder.total(counts)));
}
