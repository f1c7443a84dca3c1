/**
 * The terms of a distillation in a step. With several teachers that know different classes, the student's logits are
 * grouped to the classes of each, and a term is the weighted mean of what it is for each teacher: sum_m w_m L_m / sum_m
 * w_m. So a teacher says nothing of a class that is background to it.
 */
import { elementCount } from '../core/shape.ts';
import { type DistillationContext, hyperOf, LOGITS, sideOf } from '../distillation/context.ts';
import { distillationValues } from '../distillation/terms.ts';
import type { GraphBuilder, Value } from '../graph/graph.ts';
import { cropCentre } from '../nn/resize.ts';
import { commonSize, croppedLogits } from './coverage.ts';
import { countedVoxels, type HardLossOptions, isSigmoid } from './hard-loss.ts';
import { completeClasses, taughtLayers, taughtMaps, withChannels } from './taught-classes.ts';
import { type Distillation, type TaughtPart, taughtParts } from './teacher-in-step.ts';

/** What counts of all samples: ignored voxels of the labelled ones do not, the others have none. */
function countedSamples(
  builder: GraphBuilder,
  label: Value | undefined,
  { ignore, samples }: Pick<HardLossOptions, 'ignore'> & { readonly samples: number },
): Value | undefined {
  const counted = label && countedVoxels(builder, label, { ignore });
  if (counted === undefined) return undefined;
  const [labelled = 0, ...rest] = counted.shape;
  if (labelled === samples) return counted;
  const shape = [samples - labelled, ...rest];
  const all = builder.float(new Array<number>(elementCount(shape)).fill(1), shape);
  return builder.concat([counted, all], 0);
}

/** What the terms compare. */
export interface SoftInputs {
  /** The student's layers by name, logits included. */
  readonly layers: ReadonlyMap<string, Value>;
  /** The teacher's; the logits of several teachers are one behind the other along the channels. */
  readonly other: ReadonlyMap<string, Value>;
  /** Class indices of the labelled samples, the first ones, [N labelled, 1, D, H, W]; undefined without such ones. */
  readonly label: Value | undefined;
  /** Classes that were looked for in them, [N labelled, K, 1, 1, 1]; all if not given. */
  readonly annotated?: Value | undefined;
}

/** How they are compared. */
export interface SoftOptions extends Distillation, Pick<DistillationContext, 'hyper' | 'adapter'> {
  readonly hardLoss: HardLossOptions;
}

/**
 * The soft terms by name, and weighted.
 * @throws {InputError} as distillationValues
 */
export function softLossTerms(
  builder: GraphBuilder,
  { layers, other, label, annotated }: SoftInputs,
  { teacher, terms, hardLoss, hyper, adapter }: SoftOptions,
): readonly { readonly name: string; readonly value: Value; readonly weighted: Value }[] {
  const logits = layers.get(LOGITS) as Value;
  const [samples = 0, classes = 0] = logits.shape;
  const size = commonSize(logits.shape, (other.get(LOGITS) as Value).shape);
  const own = croppedLogits(builder, layers, size);
  const asked = croppedLogits(builder, other, size);
  const known = label && cropCentre(builder, label, size);
  const counted = countedSamples(builder, known, { ...hardLoss, samples });
  const valuesFor = ({ groups, channels }: TaughtPart): readonly Value[] => {
    const context: DistillationContext = {
      builder,
      student: sideOf('student', taughtLayers(builder, own, groups)),
      teacher: sideOf('teacher', channels === undefined ? asked : withChannels(builder, asked, channels)),
      activation: isSigmoid(hardLoss) ? 'sigmoid' : 'softmax',
      labelled: known && taughtMaps(builder, known, { channels: classes, hardLoss, groups }),
      counted,
      complete: annotated && completeClasses(builder, annotated, { groups, isSigmoid: isSigmoid(hardLoss) }),
      hyper,
      adapter,
    };
    return distillationValues(context, terms).map(({ value }) => value);
  };
  const parts = taughtParts(teacher).map(part => ({ share: part.share, values: valuesFor(part) }));
  return terms.map(({ name }, index) => {
    const value = parts
      .map(({ share, values }) => (share === 1 ? (values[index] as Value) : builder.mul(values[index] as Value, share)))
      .reduce((sum, one) => builder.add(sum, one));
    return { name, value, weighted: builder.mul(value, hyper(hyperOf({ name }).weight)) };
  });
}
