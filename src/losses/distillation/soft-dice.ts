/**
 * Dice between the probabilities of teacher and student. The hard loss measures the overlap with labels, this loss the
 * overlap with the teacher's soft edges. Sums run over all voxels of a class, so the background does not dominate.
 */
import type { GraphBuilder, Value } from '../../graph/graph.ts';
import { assertAlike } from './voxel-mean.ts';

export interface SoftDiceOptions {
  /** T > 0, scalar. */
  readonly temperature: Value;
  readonly activation: 'softmax' | 'sigmoid';
  /** Whether channel 0 counts; independent channels always do. */
  readonly background: boolean;
  /** 1 for voxels that count and 0 for ignored ones, [N, 1, D, H, W]; all count if not given. */
  readonly counted?: Value | undefined;
}

/** Smoothing term in voxels, added to numerator and denominator. */
const SMOOTH = 1e-5;

/**
 * 1 - mean_c (sum p + sum q - sum |p - q| + e) / (sum p + sum q + e): p and q are the probabilities of teacher and
 * student at temperature T, sums run over voxels and batch. This form of soft Dice is 0 at a match; with 2 sum p q it
 * would be 0 only if p is 0 or 1.
 * @param student logits [N, K, D, H, W]; differentiated
 * @param teacher logits, same shape; constant
 * @returns scalar [], in [0, 1]
 * @throws {ShapeError} if the shapes differ
 * @see arXiv:2303.16296, the first Dice semimetric loss
 */
export function softDiceLoss(
  builder: GraphBuilder,
  student: Value,
  teacher: Value,
  { temperature, activation, background, counted }: SoftDiceOptions,
): Value {
  assertAlike(student, teacher);
  const classes = student.shape[1] as number;
  const start = activation === 'sigmoid' || background ? 0 : 1;
  const soften = (logits: Value): Value => {
    const softened = builder.div(logits, temperature);
    const all =
      activation === 'sigmoid'
        ? builder.sigmoid(softened)
        : builder.exp(builder.apply('LogSoftmax', [softened], { axis: 1 }));
    const taken = builder.slice(all, 1, start, classes);
    return counted === undefined ? taken : builder.mul(taken, counted);
  };
  const [p, q] = [soften(teacher), soften(student)];
  const size = builder.sum(builder.add(p, q), [0, 2, 3, 4]);
  const difference = builder.sum(builder.abs(builder.sub(p, q)), [0, 2, 3, 4]);
  const ratio = builder.div(difference, builder.add(size, SMOOTH));
  return builder.mul(builder.total(ratio), 1 / (classes - start));
}
