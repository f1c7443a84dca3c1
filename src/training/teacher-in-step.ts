/**
 * The teacher within a step: a teacher that was trained here is a frozen part of the step's graph, one from elsewhere
 * provides its tensors as inputs. Also checks by shapes whether the terms of a distillation fit student and teacher.
 */
import { InputError } from '../core/errors.ts';
import { elementCount, type Shape, type Triple } from '../core/shape.ts';
import { LOGITS } from '../distillation/context.ts';
import { type DistillationTerm, planDistillation, studentLayers, teacherLayers } from '../distillation/terms.ts';
import type { GraphBuilder, Value } from '../graph/graph.ts';
import { spatial } from '../graph/infer.ts';
import type { ChannelGroups } from '../inference/channel-groups.ts';
import { collectFeatures, type ParameterSpec } from '../nn/parameters.ts';
import { assertWholePatch, commonSize } from './coverage.ts';
import { forward, type Model } from './forward.ts';
import { type HardLossOptions, isSigmoid, labelShape } from './hard-loss.ts';

/** A teacher whose forward pass on the same patch is part of the step. */
export interface FrozenTeacher extends Model {
  readonly theta: Float32Array;
}

/**
 * A teacher that is run elsewhere: the step takes its logits as the input `teacherLogits` and its other layers, if a
 * term names them, as `teacherFeature:<name>`.
 */
export interface ExternalTeacher {
  /** Shapes for the batch of the step, by the names that terms may use. */
  readonly features: Readonly<Record<string, Shape>>;
  /** Size of its logits, D, H, W, in the middle of the patch; the whole patch if not given. */
  readonly output?: Triple;
  /** The student's channels for each of its classes, if it has fewer; one each, in order, if not given. */
  readonly classes?: ChannelGroups | undefined;
  /**
   * Several teachers that know different classes, in place of `classes`: their logits are one behind the other along
   * the channels. A term is the weighted mean of what it is for each.
   */
  readonly panel?: readonly PanelMember[] | undefined;
}

/** One of several teachers. */
export interface PanelMember {
  /** The student's channels for each of its classes. */
  readonly classes: ChannelGroups;
  /** Weight relative to the others, above 0. */
  readonly weight: number;
}

/** Teacher of a student in a step. */
export type TeacherInStep = FrozenTeacher | ExternalTeacher;

/** A teacher and the distillation terms. */
export interface Distillation {
  readonly teacher: TeacherInStep;
  readonly terms: readonly DistillationTerm[];
}

/**
 * An image by way of another shape, which makes it a row-major tensor: an operator on images of both networks in the
 * blocked layout would give the student the channel packing of the teacher (onnx/blocked/packing.ts).
 */
function rowMajor(builder: GraphBuilder, image: Value): Value {
  return builder.reshape(builder.reshape(image, [elementCount(image.shape)]), image.shape);
}

/** What a teacher knows, as the terms see it. */
export interface TaughtPart {
  /** The student's channels for each of its classes; one each, in order, if not given. */
  readonly groups: ChannelGroups | undefined;
  /** Share of a term, of 1 over all parts. */
  readonly share: number;
  /** The first of its channels among all logits of the teachers, and the one behind its last; all if not given. */
  readonly channels?: readonly [first: number, end: number];
}

/** The teachers of a step, one by one. */
export function taughtParts(teacher: Pick<Model, 'network'> | ExternalTeacher): readonly TaughtPart[] {
  if ('network' in teacher) return [{ groups: undefined, share: 1 }];
  if (teacher.panel === undefined) return [{ groups: teacher.classes, share: 1 }];
  const total = teacher.panel.reduce((sum, { weight }) => sum + weight, 0);
  let first = 0;
  return teacher.panel.map(({ classes, weight }): TaughtPart => {
    const channels = [first, first + classes.length] as const;
    first = channels[1];
    return { groups: classes, share: weight / total, channels };
  });
}

/** [N, classes, D, H, W] of an external teacher's logits. */
function externalLogits(
  { output, classes, panel }: ExternalTeacher,
  { image, logits }: { readonly image: Shape; readonly logits: Shape },
): Shape {
  const [samples = 0, own = 0] = logits;
  const channels = panel?.reduce((sum, member) => sum + member.classes.length, 0) ?? classes?.length ?? own;
  return [samples, channels, ...(output ?? spatial(image))];
}

/** The teacher's layers: its forward pass, frozen, on the student's patch, or inputs of the graph. */
export function teacherValues(
  builder: GraphBuilder,
  { teacher, terms }: Distillation,
  shapes: { readonly image: Shape; readonly logits: Shape },
): ReadonlyMap<string, Value> {
  const layers = teacherLayers(terms);
  if ('network' in teacher) {
    const options = { model: teacher, imageShape: shapes.image, scope: 'teacher', theta: teacher.theta, layers };
    const own = forward(builder, options).layers;
    return builder.scope('teacher', () => new Map([...own].map(([name, image]) => [name, rowMajor(builder, image)])));
  }
  const features = layers.map(name => [name, builder.input(`teacherFeature:${name}`, teacher.features[name] as Shape)]);
  const logits = builder.input('teacherLogits', externalLogits(teacher, shapes));
  return new Map([...(features as [string, Value][]), [LOGITS, logits]]);
}

/** Facts that decide whether terms and networks fit, known before training. */
export interface DistillationPlan {
  /** [N, C, D, H, W] */
  readonly imageShape: Shape;
  /** Number of samples without a label at the end of a batch; 0 if not given. */
  readonly unlabelled?: number;
  readonly hardLoss: HardLossOptions;
  readonly student: Pick<Model, 'network'>;
  readonly teacher: Pick<Model, 'network'> | ExternalTeacher;
  readonly terms: readonly DistillationTerm[];
}

/**
 * The adapters that a distillation needs.
 * @throws {InputError} E_LAYER, E_DISTILL or E_SHAPE if terms and networks do not fit, naming the term
 */
export function distillationAdapters(plan: DistillationPlan): readonly ParameterSpec[] {
  const { student, teacher, terms, imageShape, hardLoss } = plan;
  const own = collectFeatures(student.network, imageShape);
  const logits = own.get(LOGITS) as Shape;
  const other =
    'network' in teacher
      ? collectFeatures(teacher.network, imageShape)
      : new Map(Object.entries(teacher.features)).set(LOGITS, externalLogits(teacher, { image: imageShape, logits }));
  const taught = other.get(LOGITS) as Shape;
  if (studentLayers(terms).length + teacherLayers(terms).length > 0) {
    assertWholePatch('student', logits, imageShape);
    assertWholePatch('teacher', taught, imageShape);
  }
  const size = commonSize(logits, taught);
  const sigmoid = isSigmoid(hardLoss);
  const [samples = 0, channels = 0] = logits;
  const parts = taughtParts(teacher);
  const [labelled = 0] = labelShape(imageShape, plan.unlabelled);
  const adapters = parts.flatMap(part => {
    const classes = part.groups?.length ?? channels;
    const [, known = 0] = part.channels === undefined ? taught : [samples, classes];
    return planDistillation(terms, {
      student: new Map([...own, [LOGITS, [samples, classes, ...size]]]),
      teacher: new Map([...other, [LOGITS, [samples, known, ...size]]]),
      labelled: labelled === 0 ? undefined : [labelled, sigmoid ? classes + 1 : classes, ...size],
      ...(hardLoss.ignore !== undefined && { counted: [samples, 1, ...size] }),
      activation: sigmoid ? 'sigmoid' : 'softmax',
    });
  });
  if (parts.length > 1 && adapters.length > 0) {
    throw new InputError(
      'E_DISTILL',
      `${adapters.map(({ name }) => name).join(', ')}: a term that trains an adapter to the teacher cannot serve several teachers. Use kd, logitRegression or softDice`,
    );
  }
  return adapters;
}
