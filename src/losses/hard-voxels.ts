/**
 * Two ways to turn a loss of voxels towards those that are hard: the focal factor weakens easy voxels, and a mask
 * leaves all but the hardest out. Maps are [N, 1, D, H, W].
 */
import { elementCount } from '../core/shape.ts';
import type { GraphBuilder, Value } from '../graph/graph.ts';

/** Smallest 1 - p whose power is formed; keeps the logarithm from 0. */
const LEAST_DOUBT = 1e-30;

/**
 * (1 - p)^gamma m, where m = - log p is the cross-entropy of a voxel and p the probability of its label. Of 1 - p =
 * tanh(m / 2) (1 + e^-m) the right side loses no digits where p is close to 1.
 * @param map m, at least 0; differentiated
 * @param gamma above 0; 0 would be the map itself
 * @see arXiv:1708.02002, equation 4
 */
export function focal(builder: GraphBuilder, map: Value, gamma: number): Value {
  const tanh = builder.apply('Tanh', [builder.mul(map, 0.5)], {});
  const doubt = builder.mul(tanh, builder.add(builder.exp(builder.neg(map)), 1));
  const factor = builder.exp(builder.mul(builder.log(builder.max(doubt, LEAST_DOUBT)), gamma));
  return builder.mul(factor, map);
}

/** Rank of a voxel that does not count, below every loss. */
const LAST_RANK = -1;
/** A number between that rank and every loss. */
const BELOW_LOSSES = -0.5;
/** Times that the interval in which the limit lies is halved: to the precision of float32. */
const HALVINGS = 32;

/**
 * The hardest k voxels as a mask, k being a share of those that count: 1 for voxels with a loss above that of the k-th,
 * 0 below it, and at ties with it the same fraction for all, so that the sum of the mask is k. The mask is a constant
 * to derivatives: a small change of a loss changes the order of no two voxels that differ.
 *
 * The k-th largest loss is found by halving an interval. That takes comparisons and sums alone, which exist everywhere
 * and have one result whatever the order of the voxels. Losses that differ by less than 2^-32 of the largest one count
 * as tied.
 * @param map losses, at least 0 up to rounding
 * @param options.percent share of the voxels, above 0 and at most 100; k is not rounded, but at least 1
 * @param options.counted 1 for voxels that count and 0 for others, in the shape of the map; all count if not given
 * @see https://github.com/MIC-DKFZ/nnUNet, TopKLoss, which rounds k down and ranks ignored voxels too
 */
export function hardestVoxels(
  builder: GraphBuilder,
  map: Value,
  { percent, counted }: { readonly percent: number; readonly counted?: Value | undefined },
): Value {
  const losses = builder.detach(map);
  const ranks =
    counted === undefined ? losses : builder.where(builder.greater(counted, 0.5), losses, builder.float(LAST_RANK));
  const axes = [0, 1, 2, 3, 4];
  // in two parts: float32 counts to 2^24
  const count = (flags: Value): Value => builder.sum(builder.sum(flags, [3, 4]), axes);
  const above = (limit: Value): Value => builder.cast(builder.greater(ranks, limit), 'float32');
  const asked =
    counted === undefined
      ? builder.float(Math.max(1, (elementCount(map.shape) * percent) / 100), [1, 1, 1, 1, 1])
      : builder.max(builder.mul(count(counted), percent / 100), 1);
  let low = builder.float(BELOW_LOSSES, [1, 1, 1, 1, 1]);
  let high: Value = builder.apply('ReduceMax', [ranks], { axes });
  for (let halving = 0; halving < HALVINGS; halving++) {
    const middle = builder.mul(builder.add(low, high), 0.5);
    const isHigh = builder.greater(asked, count(above(middle)));
    [low, high] = [builder.where(isHigh, low, middle), builder.where(isHigh, middle, high)];
  }
  const [sure, possible] = [above(high), above(low)];
  const tied = builder.sub(possible, sure);
  const fraction = builder.div(builder.sub(asked, count(sure)), builder.max(count(tied), 1));
  return builder.add(sure, builder.mul(tied, fraction));
}
