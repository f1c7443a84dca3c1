/**
 * The distillation terms of a step: one table from method to graph nodes. Layers of student and teacher go by the names that the networks
 * give them; `logits` is a layer of every network. Adapters are parameters of the step, not of the student: they have a vector of their
 * own, train with it, and end with it.
 */
import { InputError } from '../core/errors.ts';
import { elementCount, type Shape, sameShape } from '../core/shape.ts';
import { GraphBuilder, type Value } from '../graph/graph.ts';
import { attentionLoss } from '../losses/distillation/attention.ts';
import { likeliestClass, withBackground } from '../losses/distillation/boundary.ts';
import { channelWiseLoss } from '../losses/distillation/channel-wise.ts';
import { decoupledLoss } from '../losses/distillation/decoupled.ts';
import { onSmallerGrid } from '../losses/distillation/feature-grid.ts';
import { hintLoss } from '../losses/distillation/hint.ts';
import { logitRegressionLoss } from '../losses/distillation/logit-regression.ts';
import { sigmoidSoftTargetLoss, softTargetLoss } from '../losses/distillation/logits.ts';
import { regionAffinityLoss } from '../losses/distillation/region-affinity.ts';
import { relationLoss } from '../losses/distillation/relations.ts';
import { softDiceLoss } from '../losses/distillation/soft-dice.ts';
import type { SoftWeights } from '../losses/distillation/voxel-mean.ts';
import type { ParameterSpec } from '../nn/parameters.ts';
import type { Ramp } from './ramp.ts';

/** The two inner images that a feature method compares. */
export interface Layers {
  readonly studentLayer: string;
  readonly teacherLayer: string;
}

interface Softened {
  readonly temperature: Ramp;
}

/** Where the classes of voxels come from: the labels (of samples without any: the teacher), or the teacher's most likely class. */
interface Referred {
  readonly reference: 'label' | 'teacher';
}

/** The settings of each method; the keys are all the methods there are. */
export interface Methods {
  readonly kd: Softened & SoftWeights;
  readonly logitRegression: SoftWeights & { readonly centred: boolean };
  readonly dkd: Softened & SoftWeights & Referred & { readonly targetWeight: number; readonly nonTargetWeight: number };
  readonly dist: Softened & SoftWeights & { readonly interWeight: number; readonly intraWeight: number };
  readonly softDice: Softened & { readonly background: boolean };
  readonly hint: Layers;
  readonly attention: Layers;
  readonly channelWise: Softened & Layers;
  readonly regionAffinity: Referred & Layers;
}

export type Method = keyof Methods;

/** A term that pulls the student towards the teacher. */
export type DistillationTerm = {
  [M in Method]: { readonly method: M; readonly name: string; readonly weight: Ramp } & Methods[M];
}[Method];

/** A network as the terms see it. */
export interface Side {
  /** A layer by its name. @throws {InputError} if there is none */
  layer(name: string): Value;
}

/** The name by which every network's result is a layer. */
export const LOGITS = 'logits';

/** What a term is built from. */
export interface DistillationContext {
  readonly builder: GraphBuilder;
  readonly student: Side;
  readonly teacher: Side;
  readonly activation: 'softmax' | 'sigmoid';
  /** Classes of the first samples, those with labels, as 0/1 maps [N labelled, classes, D, H, W], background first. */
  readonly labelled: Value;
  /** A number of the step. */
  readonly hyper: (name: string) => Value;
  /** An adapter's parameter. */
  readonly adapter: (spec: ParameterSpec) => Value;
}

type Build<M extends Method> = (
  context: DistillationContext,
  term: Extract<DistillationTerm, { readonly method: M }>,
) => Value;

const logitsOf = ({ student, teacher }: DistillationContext): readonly [Value, Value] => [
  student.layer(LOGITS),
  teacher.layer(LOGITS),
];

const layersOf = (
  { student, teacher }: DistillationContext,
  { studentLayer, teacherLayer }: Layers,
): readonly [Value, Value] => [student.layer(studentLayer), teacher.layer(teacherLayer)];

/** The teacher's most likely classes as 0/1 maps, background first; of independent channels it is what none of them claims. */
function teacherMaps({ builder, activation }: DistillationContext, logits: Value): Value {
  if (activation === 'softmax') return likeliestClass(builder, logits);
  return withBackground(builder, builder.cast(builder.greater(logits, 0), 'float32'));
}

/** Classes of all samples as 0/1 maps [N, classes, D, H, W], background first. */
function classMaps(context: DistillationContext, { reference }: Referred): Value {
  const { builder, teacher, labelled } = context;
  const logits = teacher.layer(LOGITS);
  if (reference === 'teacher') return teacherMaps(context, logits);
  const [samples, first] = [logits.shape[0] as number, labelled.shape[0] as number];
  return first === samples
    ? labelled
    : builder.concat([labelled, teacherMaps(context, builder.slice(logits, 0, first, samples))], 0);
}

/**
 * The student's feature with the teacher's channels: a 1x1x1 convolution, as a matrix product, because a convolution of few channels to many
 * would take the channel packing of the whole level from the student (onnx/blocked/packing.ts).
 */
function adapted(
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

function exclusive({ activation }: DistillationContext, method: Method): void {
  if (activation === 'softmax') return;
  throw new InputError(
    'E_DISTILL',
    `${method} needs classes that exclude each other; with loss.crossEntropy.kind "binary" use kd, logitRegression or softDice`,
  );
}

const BUILD: { readonly [M in Method]: Build<M> } = {
  kd: (context, { name, ...weights }) => {
    const loss = context.activation === 'sigmoid' ? sigmoidSoftTargetLoss : softTargetLoss;
    const temperature = context.hyper(`${name}.temperature`);
    return loss(context.builder, ...logitsOf(context), { ...weights, temperature });
  },
  logitRegression: (context, term) =>
    logitRegressionLoss(context.builder, ...logitsOf(context), { ...term, activation: context.activation }),
  dkd: (context, term) => {
    exclusive(context, 'dkd');
    const temperature = context.hyper(`${term.name}.temperature`);
    const target = classMaps(context, term);
    return decoupledLoss(context.builder, ...logitsOf(context), { ...term, temperature, target });
  },
  dist: (context, term) => {
    exclusive(context, 'dist');
    const temperature = context.hyper(`${term.name}.temperature`);
    return relationLoss(context.builder, ...logitsOf(context), { ...term, temperature });
  },
  softDice: (context, { name, background }) => {
    const temperature = context.hyper(`${name}.temperature`);
    const { activation } = context;
    return softDiceLoss(context.builder, ...logitsOf(context), { temperature, activation, background });
  },
  hint: (context, term) => {
    const pair = onSmallerGrid(context.builder, ...layersOf(context, term));
    return hintLoss(context.builder, adapted(context, pair, { name: term.name, bias: true }), pair[1]);
  },
  attention: (context, term) =>
    attentionLoss(context.builder, ...onSmallerGrid(context.builder, ...layersOf(context, term))),
  channelWise: (context, term) => {
    const pair = onSmallerGrid(context.builder, ...layersOf(context, term));
    // a softmax over space does not see a bias
    const options = { name: term.name, bias: false };
    const student = sameShape(pair[0].shape, pair[1].shape) ? pair[0] : adapted(context, pair, options);
    return channelWiseLoss(context.builder, student, pair[1], context.hyper(`${term.name}.temperature`));
  },
  regionAffinity: (context, term) =>
    regionAffinityLoss(context.builder, ...layersOf(context, term), classMaps(context, term)),
};

/** Builds the terms. Their errors carry the name of the term. */
export function distillationValues(
  context: DistillationContext,
  terms: readonly DistillationTerm[],
): readonly { readonly name: string; readonly value: Value }[] {
  return terms.map(term => {
    try {
      const build = BUILD[term.method] as Build<Method>;
      return { name: term.name, value: context.builder.scope(term.name, () => build(context, term)) };
    } catch (error) {
      if (!(error instanceof InputError)) throw error;
      throw new InputError(error.code, `distillation term ${term.name}: ${error.message}`, { cause: error });
    }
  });
}

/** Names of the numbers that change by step. */
export function distillationHyperNames(terms: readonly DistillationTerm[]): readonly string[] {
  return terms.flatMap(term => [`${term.name}.weight`, ...('temperature' in term ? [`${term.name}.temperature`] : [])]);
}

/** The layers of the teacher that the terms need beside its logits. */
export function teacherLayers(terms: readonly DistillationTerm[]): readonly string[] {
  const names = terms.flatMap(term => ('teacherLayer' in term ? [term.teacherLayer] : []));
  return [...new Set(names)].filter(name => name !== LOGITS);
}

/** The layers of the student that the terms need beside its logits. */
export function studentLayers(terms: readonly DistillationTerm[]): readonly string[] {
  const names = terms.flatMap(term => ('studentLayer' in term ? [term.studentLayer] : []));
  return [...new Set(names)].filter(name => name !== LOGITS);
}

/** Values by name as a side. @param what how the network is called in messages */
export function sideOf(what: 'student' | 'teacher', values: ReadonlyMap<string, Value>): Side {
  return {
    layer: name => {
      const value = values.get(name);
      if (value !== undefined) return value;
      throw new InputError('E_LAYER', `the ${what} has no layer "${name}"; it has ${[...values.keys()].join(', ')}`);
    },
  };
}

/** What the terms are checked against: shapes of the layers by name, `logits` among them, and of the labels' maps. */
export interface DistillationShapes {
  readonly student: ReadonlyMap<string, Shape>;
  readonly teacher: ReadonlyMap<string, Shape>;
  readonly labelled: Shape;
  readonly activation: 'softmax' | 'sigmoid';
}

/**
 * Checks that the terms fit the two networks, by shapes alone, and says which adapters they need.
 * @throws {InputError} E_LAYER, E_DISTILL or E_SHAPE, naming the term
 */
export function planDistillation(
  terms: readonly DistillationTerm[],
  { student, teacher, labelled, activation }: DistillationShapes,
): readonly ParameterSpec[] {
  const builder = new GraphBuilder();
  const specs = new Map<string, ParameterSpec>();
  const side = (what: 'student' | 'teacher', shapes: ReadonlyMap<string, Shape>): Side => {
    const inputs = [...shapes].map(([name, shape]) => [name, builder.input(`${what} ${name}`, shape)] as const);
    return sideOf(what, new Map(inputs));
  };
  const context: DistillationContext = {
    builder,
    student: side('student', student),
    teacher: side('teacher', teacher),
    activation,
    labelled: builder.input('labelled', labelled),
    hyper: name => builder.input(name, []),
    adapter: spec => {
      specs.set(spec.name, spec);
      return builder.input(spec.name, spec.shape);
    },
  };
  distillationValues(context, terms);
  return [...specs.values()];
}
