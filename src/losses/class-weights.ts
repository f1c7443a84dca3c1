/**
 * Class weights of a mean over voxels. Background is 90 to 99 % of a medical volume. In a plain mean over voxels it
 * dominates, and small networks then learn a class late or never. Weights depend only on the classes of the batch, so a
 * value does not change with the patch size.
 */
import { ShapeError } from '../core/errors.ts';
import { elementCount } from '../core/shape.ts';
import type { GraphBuilder, Value } from '../graph/graph.ts';

/**
 * `uniform`: all voxels equally. `root`: by the inverse square root of its class's frequency. `balanced`: by the
 * inverse frequency, which is the mean over classes of the mean over each class's voxels. Numbers: one weight per
 * class. An exponent g, a scalar of the graph: weights by the frequency to the power of -g, from 0 (uniform) to 1
 * (balanced), so that a schedule can move between them.
 */
export type VoxelWeights = 'uniform' | 'root' | 'balanced' | readonly number[] | { readonly exponent: Value };

/** Prevents a division by zero for a class without voxels: a thousandth of a voxel. */
const FLOOR = 1e-3;

export interface VoxelMeanOptions {
  /** s, [N, C, D, H, W]: the fraction of each class in each voxel; constant. */
  readonly share: Value;
  readonly weights: VoxelWeights;
  /** e, [N, 1, D, H, W]: an additional weight per voxel; constant. It does not affect the class frequencies. */
  readonly emphasis?: Value | undefined;
}

/**
 * Weighted mean over voxels: sum_c w_c sum_v s_cv e_v m_v / sum_c w_c sum_v s_cv e_v.
 * @param map m, [N, 1, D, H, W]; differentiated
 * @returns scalar []
 * @throws {ShapeError} if the number of weights is not the number of classes
 */
export function weightedVoxelMean(builder: GraphBuilder, map: Value, options: VoxelMeanOptions): Value {
  const { share, weights, emphasis } = options;
  const voxels = elementCount(map.shape);
  const emphasized = (value: Value): Value => (emphasis === undefined ? value : builder.mul(value, emphasis));
  if (weights === 'uniform') {
    const sum = builder.total(emphasized(map));
    return emphasis === undefined
      ? builder.mul(sum, 1 / voxels)
      : builder.div(sum, builder.add(builder.total(emphasis), FLOOR));
  }
  const axes = [0, 2, 3, 4];
  const part = emphasized(share);
  const [inside, size] = [builder.sum(builder.mul(part, map), axes), builder.sum(part, axes)];
  const classes = share.shape[1] as number;
  if (weights === 'balanced') {
    return builder.mul(builder.total(builder.div(inside, builder.add(size, FLOOR))), 1 / classes);
  }
  const rarity = builder.div(voxels, builder.add(builder.sum(share, axes), FLOOR));
  let factor: Value;
  if (weights === 'root') factor = builder.sqrt(rarity);
  else if ('exponent' in weights) factor = builder.exp(builder.mul(builder.log(rarity), weights.exponent));
  else if (weights.length === classes) factor = builder.float(weights, [1, classes, 1, 1, 1]);
  else throw new ShapeError(`${weights.length} class weights for ${classes} classes`);
  const weigh = (value: Value): Value => builder.total(builder.mul(value, factor));
  return builder.div(weigh(inside), builder.add(weigh(size), FLOOR));
}
