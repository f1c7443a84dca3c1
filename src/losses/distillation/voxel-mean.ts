/**
 * Weights of the voxels in the mean of a distillation term. All are computed from the teacher, so the terms also act on
 * volumes without labels: classes and foreground from its probabilities at T = 1, boundaries from the changes of its
 * most likely class.
 */
import { ShapeError } from '../../core/errors.ts';
import { formatShape, sameShape } from '../../core/shape.ts';
import type { GraphBuilder, Value } from '../../graph/graph.ts';
import { type VoxelWeights, weightedVoxelMean } from '../class-weights.ts';
import { classBoundary, classNumbers, likeliestClass } from './boundary.ts';

export interface SoftWeights {
  /** Class weights. */
  readonly weights: VoxelWeights;
  /** Factor for the teacher's foreground, in proportion to its probability; 1 if not given. */
  readonly foregroundWeight?: number;
  /** Factor next to a change of the teacher's class; 1 if not given. */
  readonly boundaryWeight?: number;
  /** 1 for voxels that count and 0 for ignored ones, [N, 1, D, H, W]; all count if not given. */
  readonly counted?: Value | undefined;
}

/** @throws {ShapeError} if the shapes of student and teacher differ */
export function assertAlike(student: Value, teacher: Value, what = 'logits'): void {
  if (!sameShape(student.shape, teacher.shape)) {
    throw new ShapeError(
      `student ${what} ${formatShape(student.shape)} against teacher ${what} ${formatShape(teacher.shape)}`,
    );
  }
}

/** counted (1 + (f - 1) foreground) (1 + (b - 1) boundary), or undefined if all factors are 1. */
function emphasisOf(
  builder: GraphBuilder,
  { foregroundWeight = 1, boundaryWeight = 1, counted }: SoftWeights,
  maps: { readonly foreground: () => Value; readonly boundary: () => Value },
): Value | undefined {
  const factor = (weight: number, map: () => Value): readonly Value[] =>
    weight === 1 ? [] : [builder.add(builder.mul(map(), weight - 1), 1)];
  const factors = [
    ...(counted === undefined ? [] : [counted]),
    ...factor(foregroundWeight, maps.foreground),
    ...factor(boundaryWeight, maps.boundary),
  ];
  return factors.length === 0 ? undefined : factors.reduce((product, value) => builder.mul(product, value));
}

/**
 * Mean over voxels for exclusive classes.
 * @param map [N, 1, D, H, W]; differentiated
 * @param teacher logits [N, K, D, H, W], channel 0 the background; constant
 * @returns scalar []
 */
export function softmaxVoxelMean(
  builder: GraphBuilder,
  map: Value,
  { teacher, ...options }: SoftWeights & { readonly teacher: Value },
): Value {
  const share = builder.exp(builder.apply('LogSoftmax', [teacher], { axis: 1 }));
  const emphasis = emphasisOf(builder, options, {
    foreground: () => builder.sub(1, builder.slice(share, 1, 0, 1)),
    boundary: () => classBoundary(builder, classNumbers(builder, likeliestClass(builder, teacher))),
  });
  return weightedVoxelMean(builder, map, { share, weights: options.weights, emphasis });
}

/**
 * Mean over voxels for independent channels, summed over the channels. The weights have two classes, outside and inside
 * each channel.
 * @param map one value per channel, [N, K, D, H, W]; differentiated
 * @param teacher logits, same shape; constant
 * @returns scalar []
 */
export function sigmoidVoxelMean(
  builder: GraphBuilder,
  map: Value,
  { teacher, ...options }: SoftWeights & { readonly teacher: Value },
): Value {
  const means = Array.from({ length: map.shape[1] as number }, (_, channel) => {
    const [own, logit] = [map, teacher].map(value => builder.slice(value, 1, channel, channel + 1)) as [Value, Value];
    const inside = builder.sigmoid(logit);
    const emphasis = emphasisOf(builder, options, {
      foreground: () => inside,
      boundary: () => classBoundary(builder, builder.cast(builder.greater(logit, 0), 'float32')),
    });
    const share = builder.concat([builder.sub(1, inside), inside], 1);
    return weightedVoxelMean(builder, own, { share, weights: options.weights, emphasis });
  });
  return means.reduce((sum, mean) => builder.add(sum, mean));
}
