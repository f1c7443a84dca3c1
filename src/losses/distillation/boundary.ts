/** Boundaries between the classes of a segmentation, and the segmentation of a teacher, both as graph nodes. */
import type { GraphBuilder, Value } from '../../graph/graph.ts';

const SPACE = [2, 3, 4] as const;

/**
 * 1 where the 3x3x3 neighbourhood of a voxel holds more than one class, 0 elsewhere: dilation minus erosion, per axis
 * the largest and smallest of three neighbours. Beyond the border the outermost plane is repeated, so the border of a
 * patch is not a boundary.
 * @param classes class numbers, [N, 1, D, H, W]; constant
 */
export function classBoundary(builder: GraphBuilder, classes: Value): Value {
  let [largest, smallest] = [classes, classes];
  for (const axis of SPACE) {
    const size = classes.shape[axis] as number;
    if (size === 1) continue;
    const around = (value: Value, pick: 'max' | 'min'): Value => {
      const plane = (start: number, end: number): Value => builder.slice(value, axis, start, end);
      const before = builder.concat([plane(0, 1), plane(0, size - 1)], axis);
      const after = builder.concat([plane(1, size), plane(size - 1, size)], axis);
      return builder[pick](builder[pick](before, after), value);
    };
    [largest, smallest] = [around(largest, 'max'), around(smallest, 'min')];
  }
  return builder.cast(builder.greater(largest, smallest), 'float32');
}

/** The most likely class of every voxel as 0/1 maps, [N, K, D, H, W]; several classes if logits are equal. */
export function likeliestClass(builder: GraphBuilder, logits: Value): Value {
  const largest = builder.apply('ReduceMax', [logits], { axes: [1] });
  return builder.cast(builder.equal(logits, builder.expand(largest, logits.shape)), 'float32');
}

/** 0/1 maps of independent classes [N, K, D, H, W], preceded by a map of the voxels that belong to none. */
export function withBackground(builder: GraphBuilder, maps: Value): Value {
  return builder.concat([builder.max(builder.sub(1, builder.sum(maps, [1])), 0), maps], 1);
}

/** 0/1 maps [N, K, D, H, W] as class numbers [N, 1, D, H, W]. */
export function classNumbers(builder: GraphBuilder, maps: Value): Value {
  const classes = maps.shape[1] as number;
  const numbers = Array.from({ length: classes }, (_, index) => index);
  return builder.sum(builder.mul(maps, builder.float(numbers, [1, classes, 1, 1, 1])), [1]);
}
