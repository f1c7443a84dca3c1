/**
 * Hard-label cross-entropy. Logits are [N, K, D, H, W]; reduction is the sum over classes and the weighted mean over
 * voxels and batch.
 */
import type { GraphBuilder, Value } from '../graph/graph.ts';
import { type VoxelWeights, weightedVoxelMean } from './class-weights.ts';
import { focal, hardestVoxels } from './hard-voxels.ts';

/** How voxels count in a cross-entropy. */
export interface CrossEntropyOptions {
  readonly weights: VoxelWeights;
  /** 1 for voxels that count and 0 for those that nobody has labelled, [N, 1, D, H, W]; all count if not given. */
  readonly counted?: Value | undefined;
  /** 1 for the classes that were looked for in a sample and 0 for others, [N, K, 1, 1, 1]; all if not given. */
  readonly annotated?: Value | undefined;
  /** gamma of the focal loss; 0, plain cross-entropy, if not given. */
  readonly focalGamma?: number;
  /** Percentage of the counted voxels, the hardest ones, whose mean it is; all if null or not given. */
  readonly topPercent?: number | null;
}

/** Mean of a map of cross-entropies as the options ask. @param share fraction of each class in each voxel */
function voxelMean(
  builder: GraphBuilder,
  map: Value,
  { share, weights, counted, focalGamma = 0, topPercent = null }: CrossEntropyOptions & { readonly share: Value },
): Value {
  const own = focalGamma === 0 ? map : focal(builder, map, focalGamma);
  const emphasis = topPercent === null ? counted : hardestVoxels(builder, own, { percent: topPercent, counted });
  return weightedVoxelMean(builder, own, { share, weights, emphasis });
}

/** Distance by which logits are lowered to leave them out of a softmax: exp(-1e4) is 0 in every float. */
const LEFT_OUT = 1e4;

/**
 * log of what the background is of itself and all classes that were not looked for: log p_0 / (p_0 + sum_(c not looked
 * for) p_c), by a softmax over these alone.
 * @returns [N, 1, D, H, W]
 */
function backgroundShare(builder: GraphBuilder, logits: Value, annotated: Value): Value {
  const classes = logits.shape[1] as number;
  const first = builder.float([0, ...new Array<number>(classes - 1).fill(-LEFT_OUT)], [1, classes, 1, 1, 1]);
  const among = builder.add(logits, builder.mul(annotated, first));
  return builder.slice(builder.apply('LogSoftmax', [among], { axis: 1 }), 1, 0, 1);
}

/**
 * Categorical: - mean_voxels sum_c y_c log softmax(z)_c. In samples in which some classes were not looked for, the
 * background y_0 stands for all of these: its term is - y_0 log (p_0 + sum_(c not looked for) p_c). The focal factor of
 * a voxel is of the probability in its term, and the hardest voxels are those of the largest terms.
 * @param logits z, [N, K, D, H, W]; differentiated
 * @param oneHot y, same shape; constant
 * @returns scalar [], nats per voxel
 */
export function categoricalCrossEntropy(
  builder: GraphBuilder,
  logits: Value,
  oneHot: Value,
  { annotated, ...options }: CrossEntropyOptions,
): Value {
  const logProbability = builder.apply('LogSoftmax', [logits], { axis: 1 });
  const plain = builder.neg(builder.sum(builder.mul(oneHot, logProbability), [1]));
  // - log (p_0 + rest) = - log p_0 + log (p_0 / (p_0 + rest)), which stays finite where p_0 is 0 in float32
  const perVoxel =
    annotated === undefined
      ? plain
      : builder.add(plain, builder.mul(builder.slice(oneHot, 1, 0, 1), backgroundShare(builder, logits, annotated)));
  return voxelMean(builder, perVoxel, { ...options, share: oneHot });
}

/**
 * Binary, for one channel or overlapping regions: sum_c mean_voxels softplus(z_c) - y_c z_c, where the weights have two
 * classes, outside and inside each region. A channel counts in the samples in which its class was looked for, and has
 * hardest voxels of its own.
 * @param logits z, [N, K, D, H, W]; differentiated
 * @param target y in [0, 1], same shape; constant
 * @returns scalar [], nats per voxel
 */
export function binaryCrossEntropy(
  builder: GraphBuilder,
  logits: Value,
  target: Value,
  { counted: all, annotated, ...options }: CrossEntropyOptions,
): Value {
  const perVoxel = builder.sub(builder.apply('Softplus', [logits], {}), builder.mul(target, logits));
  const means = Array.from({ length: logits.shape[1] as number }, (_, channel) => {
    const [map, inside] = [perVoxel, target].map(value => builder.slice(value, 1, channel, channel + 1)) as [
      Value,
      Value,
    ];
    const counted = countedIn(builder, channel, { map, counted: all, annotated });
    const share = builder.concat([builder.sub(counted ?? 1, inside), inside], 1);
    return voxelMean(builder, map, { ...options, share, counted });
  });
  return means.reduce((sum, mean) => builder.add(sum, mean));
}

/** What counts in a channel, [N, 1, D, H, W]; undefined where everything does. */
function countedIn(
  builder: GraphBuilder,
  channel: number,
  { map, counted, annotated }: Pick<CrossEntropyOptions, 'counted' | 'annotated'> & { readonly map: Value },
): Value | undefined {
  if (annotated === undefined) return counted;
  const known = builder.expand(builder.slice(annotated, 1, channel, channel + 1), map.shape);
  return counted === undefined ? known : builder.mul(counted, known);
}
