/**
 * DIST: the student follows the relations between the teacher's probabilities, not their values. Pearson's correlation
 * ignores the scale and the shift of probabilities, which a small student cannot reproduce.
 */
import { ShapeError } from '../../core/errors.ts';
import type { GraphBuilder, Value } from '../../graph/graph.ts';
import type { SoftTargetOptions } from './logits.ts';
import { assertAlike, softmaxVoxelMean } from './voxel-mean.ts';

export interface RelationOptions extends SoftTargetOptions {
  /** beta, the weight of the relation between the classes of a voxel. */
  readonly interWeight: number;
  /** gamma, the weight of the relation between the voxels of a class in the batch. */
  readonly intraWeight: number;
}

/** Constant added to variances of probabilities: if nothing varies, the correlation is 0 without a steep gradient. */
const FLOOR = 1e-8;

type Mean = (value: Value) => Value;

/** Pearson's correlation by a mean over some axes, which are kept. */
function correlation(builder: GraphBuilder, left: Value, right: Value, mean: Mean): Value {
  const [a, b] = [left, right].map(value => builder.sub(value, mean(value))) as [Value, Value];
  const variance = (value: Value): Value => builder.add(mean(builder.mul(value, value)), FLOOR);
  const covariance = mean(builder.mul(a, b));
  return builder.div(covariance, builder.sqrt(builder.mul(variance(a), variance(b))));
}

/** The mean over all voxels that count. */
function voxelMean(builder: GraphBuilder, counted: Value | undefined): Mean {
  const axes = [0, 2, 3, 4];
  if (counted === undefined) return value => builder.mean(value, axes);
  // at least a thousandth of a voxel, so that a batch without any has no correlation
  const count = builder.add(builder.sum(counted, axes), 1e-3);
  return value => builder.div(builder.sum(builder.mul(value, counted), axes), count);
}

/**
 * T^2 (beta mean_voxels (1 - r_classes) + gamma mean_c (1 - r_voxels)): r_classes correlates p = softmax(t / T) with q
 * = softmax(s / T) over the classes of a voxel, r_voxels over all voxels of the batch in one class. The mean over
 * voxels is weighted, the correlation over voxels is not, since it already weights all classes equally.
 * @returns scalar [], no unit
 * @throws {ShapeError} if the shapes differ, or with fewer than three classes, whose correlation is always 1 or -1
 * @see arXiv:2205.10536, section 4
 */
export function relationLoss(
  builder: GraphBuilder,
  student: Value,
  teacher: Value,
  { temperature, interWeight, intraWeight, ...weights }: RelationOptions,
): Value {
  assertAlike(student, teacher);
  const classes = student.shape[1] as number;
  if (classes < 3)
    throw new ShapeError(`dist compares relations between three or more classes, got ${classes}: use kd`);
  const soften = (logits: Value): Value =>
    builder.exp(builder.apply('LogSoftmax', [builder.div(logits, temperature)], { axis: 1 }));
  const [p, q] = [soften(teacher), soften(student)];
  const ofClasses = builder.sub(
    1,
    correlation(builder, p, q, value => builder.mean(value, [1])),
  );
  const ofVoxels = builder.sub(1, correlation(builder, p, q, voxelMean(builder, weights.counted)));
  const inter = softmaxVoxelMean(builder, ofClasses, { teacher, ...weights });
  const intra = builder.mul(builder.total(ofVoxels), 1 / classes);
  const sum = builder.add(builder.mul(inter, interWeight), builder.mul(intra, intraWeight));
  return builder.mul(sum, builder.mul(temperature, temperature));
}
