/**
 * The context of a distillation term: the layers of both networks, the labels, the numbers of the step, and the
 * adapters. Layers of student and teacher have the names that the networks give them; `logits` is a layer of every
 * network. Adapters are parameters of the step, not of the student: they have a separate vector, are trained with the
 * student, and dropped at the end.
 */
import { InputError } from '../core/errors.ts';
import { elementCount } from '../core/shape.ts';
import type { GraphBuilder, Value } from '../graph/graph.ts';
import { likeliestClass, withBackground } from '../losses/distillation/boundary.ts';
import type { ParameterSpec } from '../nn/parameters.ts';

/** The two features that a method compares. */
export interface Layers {
  readonly studentLayer: string;
  readonly teacherLayer: string;
}

/**
 * Source of the classes of voxels: the labels (the teacher for samples without labels), or the teacher's most likely
 * class.
 */
interface Referred {
  readonly reference: 'label' | 'teacher';
}

/** A network as the terms see it. */
export interface Side {
  /** A layer by its name. @throws {InputError} if there is none */
  layer(name: string): Value;
}

/** Name of the layer that is the result of every network. */
export const LOGITS = 'logits';

/** Context of a term. */
export interface DistillationContext {
  readonly builder: GraphBuilder;
  readonly student: Side;
  readonly teacher: Side;
  readonly activation: 'softmax' | 'sigmoid';
  /**
   * Classes of the first samples, those with labels, as 0/1 maps [N labelled, classes, D, H, W], background first;
   * undefined where no sample has labels.
   */
  readonly labelled: Value | undefined;
  /** 1 for voxels that count and 0 for ignored ones, [N, 1, D, H, W]; all count if not given. */
  readonly counted?: Value | undefined;
  /**
   * Which of these classes the labels mark completely in a sample, 1 or 0, [N labelled, classes, 1, 1, 1]; the
   * background of a sample may be any other. All do if not given.
   */
  readonly complete?: Value | undefined;
  /** Returns a number of the step by its name. */
  readonly hyper: (name: string) => Value;
  /** Returns a parameter of an adapter. */
  readonly adapter: (spec: ParameterSpec) => Value;
}

/** Names of a term's numbers, which change by step. */
export function hyperOf({ name }: { readonly name: string }) {
  return { weight: `${name}.weight`, temperature: `${name}.temperature` } as const;
}

/** The logits of student and teacher. */
export const logitsOf = ({
  student,
  teacher,
}: Pick<DistillationContext, 'student' | 'teacher'>): readonly [Value, Value] => [
  student.layer(LOGITS),
  teacher.layer(LOGITS),
];

/** The layers of student and teacher that a term names. */
export const layersOf = (
  { student, teacher }: DistillationContext,
  { studentLayer, teacherLayer }: Layers,
): readonly [Value, Value] => [student.layer(studentLayer), teacher.layer(teacherLayer)];

/**
 * The teacher's most likely classes as 0/1 maps, background first; for independent channels the background is what none
 * of them claims.
 */
function teacherMaps({ builder, activation }: DistillationContext, logits: Value): Value {
  if (activation === 'softmax') return likeliestClass(builder, logits);
  return withBackground(builder, builder.cast(builder.greater(logits, 0), 'float32'));
}

/**
 * The labelled samples' classes, where the background of a label gives way to a class that the labels do not mark if
 * the teacher finds it there.
 */
function labelledMaps(context: DistillationContext, labelled: Value): Value {
  const { builder, teacher, complete } = context;
  if (complete === undefined) return labelled;
  const [samples = 0, classes = 0] = labelled.shape;
  const found = teacherMaps(context, builder.slice(teacher.layer(LOGITS), 0, 0, samples));
  const background = builder.slice(labelled, 1, 0, 1);
  const given = builder.mul(builder.mul(found, builder.sub(1, complete)), background);
  const left = builder.sub(background, builder.min(builder.sum(given, [1]), 1));
  return builder.concat([left, builder.slice(builder.add(labelled, given), 1, 1, classes)], 1);
}

/** Classes of all samples as 0/1 maps [N, classes, D, H, W], background first. */
export function classMaps(context: DistillationContext, { reference }: Referred): Value {
  const { builder, teacher, labelled } = context;
  const logits = teacher.layer(LOGITS);
  if (reference === 'teacher' || labelled === undefined) return teacherMaps(context, logits);
  const [samples, first] = [logits.shape[0] as number, labelled.shape[0] as number];
  const known = labelledMaps(context, labelled);
  return first === samples
    ? known
    : builder.concat([known, teacherMaps(context, builder.slice(logits, 0, first, samples))], 0);
}

/**
 * The student's feature with the teacher's channels: a 1x1x1 convolution, as a matrix product, because a convolution of
 * few channels to many would take the channel packing of the whole level from the student (onnx/blocked/packing.ts).
 */
export function adapted(
  { builder, adapter }: DistillationContext,
  [student, teacher]: readonly [Value, Value],
  { name, bias }: { readonly name: string; readonly bias: boolean },
): Value {
  const [samples, from, ...space] = student.shape as readonly [number, number, ...number[]];
  const to = teacher.shape[1] as number;
  const [kernel, vector] = [
    {
      name: `${name}.adapter.weight`,
      shape: [to, from, 1, 1, 1],
      initializer: { kind: 'normal', gain: 1 },
      role: 'kernel',
    },
    { name: `${name}.adapter.bias`, shape: [to], initializer: { kind: 'constant', value: 0 }, role: 'vector' },
  ] as const satisfies readonly ParameterSpec[];
  const rows = builder.reshape(student, [samples, from, elementCount(space)]);
  const mixed = builder.apply('MatMul', [builder.reshape(adapter(kernel), [to, from]), rows], {});
  const shifted = bias ? builder.add(mixed, builder.reshape(adapter(vector), [1, to, 1])) : mixed;
  return builder.reshape(shifted, [samples, to, ...space]);
}

/** @throws {InputError} E_DISTILL if the classes are independent */
export function assertExclusive({ activation }: DistillationContext, method: string): void {
  if (activation === 'softmax') return;
  throw new InputError(
    'E_DISTILL',
    `${method} needs classes that exclude each other; with loss.crossEntropy.kind "binary" use kd, logitRegression or softDice`,
  );
}

/** Values by name as a side. @param what name of the network in messages */
export function sideOf(what: 'student' | 'teacher', values: ReadonlyMap<string, Value>): Side {
  return {
    layer: name => {
      const value = values.get(name);
      if (value !== undefined) return value;
      throw new InputError('E_LAYER', `the ${what} has no layer "${name}"; it has ${[...values.keys()].join(', ')}`);
    },
  };
}
