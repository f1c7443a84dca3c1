/**
 * One training step as ONE graph: forward, losses, gradients, clipping, optimizer update; with distillation also the
 * frozen teacher's forward pass on the very same patch. Inputs: image [N, C, D, H, W], label int32 [N labelled, 1, D,
 * H, W] if there are labelled samples, theta and the optimizer's state (flat), hyper (a small vector of everything
 * that changes by step), and where terms have adapters, their vector. Outputs: `theta.next`, `<state>.next`,
 * `average.next` if the parameters are averaged, and the loss terms. Where a result covers only the middle of the
 * patch (valid padding), label and logits are cropped to what both cover.
 */
import type { Shape } from '../core/shape.ts';
import { LOGITS } from '../distillation/context.ts';
import { distillationHyperNames, studentLayers } from '../distillation/terms.ts';
import { decompose } from '../graph/decompose.ts';
import { type Graph, GraphBuilder, isOp, reachable, type Value } from '../graph/graph.ts';
import { spatial } from '../graph/infer.ts';
import { flatParameters, type ParameterSpec, parameterCount } from '../nn/parameters.ts';
import { cropCentre } from '../nn/resize.ts';
import { levelWeights, supervisionHeads, supervisionLoss } from './deep-supervision.ts';
import { forward, hyperValue } from './forward.ts';
import { type HardLossOptions, hardLossTerms, labelShape } from './hard-loss.ts';
import { softLossTerms } from './soft-loss.ts';
import { type Distillation, distillationAdapters, teacherValues } from './teacher-in-step.ts';
import { ADAPTERS, type UpdateOptions, update } from './update.ts';

export interface StepOptions extends UpdateOptions {
  /** Shape of the image, [N, C, D, H, W]. */
  readonly imageShape: Shape;
  /** Number of samples without labels at the end of a batch: only soft terms use them. 0 if not given. */
  readonly unlabelled?: number;
  readonly hardLoss: HardLossOptions;
  /** Coarser levels of the decoder that the hard loss is also taken of, by their names, finest first. */
  readonly deepSupervision?: readonly string[];
  readonly distillation?: Distillation;
}

export interface TrainingStep {
  readonly graph: Graph;
  /** Names of the numbers in `hyper`, in order. */
  readonly hyperNames: readonly string[];
  /** Names of the numbers in `losses`, in order; the first is the total. */
  readonly lossNames: readonly string[];
  /** Shape of the class indices of a batch, [N labelled, 1, D, H, W]; undefined without labelled samples. */
  readonly labelShape: Shape | undefined;
  /** Shape of the input {@link ANNOTATED}; undefined if every sample has all classes. */
  readonly annotatedShape: Shape | undefined;
  /**
   * Parameters that are trained with the student's and dropped at the end: the flat vector {@link ADAPTERS}, if there
   * are any.
   */
  readonly adapters: readonly ParameterSpec[];
  /** Inputs of the graph from an external teacher: `teacherLogits`, `teacherFeature:<name>`. */
  readonly teacherInputs: readonly string[];
}

/**
 * Input of a step with partly annotated samples: 1 for each channel of the logits whose class was looked for in a
 * sample, and 0 for others, [N labelled, K, 1, 1, 1]. The background of exclusive classes has always been looked for.
 */
export const ANNOTATED = 'annotated';

/**
 * Numbers that every step has; a moving average adds `emaDecay`, several micro-batches `isLast`, annealed class weights
 * `crossEntropy.balance`, terms `<term>.weight` and `<term>.temperature`.
 */
const BASE_HYPER = ['learningRate', 'biasCorrection1', 'biasCorrection2', 'dropoutKey'];

/** Builds the graph of a training step. @throws {InputError} if terms of the distillation do not fit the networks */
export function buildTrainingStep(options: StepOptions): TrainingStep {
  const { student, imageShape, hardLoss, distillation } = options;
  const builder = new GraphBuilder();
  const levels = options.deepSupervision ?? [];
  const adapters = [
    ...(distillation === undefined ? [] : distillationAdapters({ ...options, ...distillation })),
    ...supervisionHeads(student, imageShape, levels),
  ];
  const softTerms = distillation?.terms ?? [];
  const labels = labelShape(imageShape, options.unlabelled);
  const hasLabels = (labels[0] as number) > 0;
  const annealed = hardLoss.crossEntropy.classWeights === 'annealed' && hasLabels;
  const hyperNames = [
    ...BASE_HYPER,
    ...((options.emaDecay ?? null) === null ? [] : ['emaDecay']),
    ...((options.accumulate ?? 1) > 1 ? ['isLast'] : []),
    ...(annealed ? ['crossEntropy.balance'] : []),
    ...distillationHyperNames(softTerms),
  ];
  const hyper = (name: string): Value => hyperValue(builder, hyperNames, name);
  const { layers, updates } = forward(builder, {
    model: student,
    imageShape,
    scope: 'student',
    theta: { input: 'theta', hyperNames },
    layers: [...studentLayers(softTerms), ...levels],
  });
  const logits = layers.get(LOGITS) as Value;

  const label = hasLabels ? builder.input('label', labels, 'int32') : undefined;
  const balance = annealed ? hyper('crossEntropy.balance') : undefined;
  const annotatedShape = [labels[0] as number, logits.shape[1] as number, 1, 1, 1];
  const annotated = hardLoss.isPartial === true && hasLabels ? builder.input(ANNOTATED, annotatedShape) : undefined;
  const vector = adapters.length === 0 ? undefined : builder.input(ADAPTERS, [parameterCount(adapters)]);
  const flat = vector && { vector, values: flatParameters(builder, vector, adapters).values };
  const adapter = (name: string): Value => flat?.values.get(name) as Value;
  const [finest] = levelWeights(levels.length + 1);
  const hard = builder.scope('loss', () => {
    if (label === undefined) return [];
    const labelled = builder.slice(logits, 0, 0, label.shape[0] as number);
    const covered = cropCentre(builder, label, spatial(logits.shape));
    const found = hardLossTerms(builder, labelled, covered, { ...hardLoss, balance, annotated });
    return found.map(({ name, value, weight }) => {
      return { name, value, weighted: builder.mul(value, weight * (finest as number)) };
    });
  });
  const coarser = builder.scope('deepSupervision', () => {
    if (levels.length === 0 || label === undefined) return [];
    const given = { layers, label, balance, annotated, parameter: adapter };
    const value = supervisionLoss(builder, levels, { ...hardLoss, ...given });
    return [{ name: 'deepSupervision', value, weighted: value }];
  });
  const soft = builder.scope('distillation', () => {
    if (distillation === undefined) return [];
    const other = teacherValues(builder, distillation, { image: imageShape, logits: logits.shape });
    const given = { hardLoss, hyper, adapter: ({ name }: ParameterSpec): Value => adapter(name) };
    return softLossTerms(builder, { layers, other, label, annotated }, { ...distillation, ...given });
  });
  const terms = [...hard, ...coarser, ...soft];
  const total = terms.map(term => term.weighted).reduce((sum, value) => builder.add(sum, value));

  const theta = builder.input('theta', [parameterCount(student.specs)]);
  const { values } = flatParameters(builder, theta, student.specs);
  const { norm, outputs } = update(builder, options, { total, hyper, theta, values, updates, adapters: flat });
  const losses = [total, ...terms.map(term => term.value), norm].map(value => builder.reshape(value, [1]));
  const graph = decompose(new GraphBuilder(), { outputs: { ...outputs, losses: builder.concat(losses, 0) } });
  return {
    graph,
    hyperNames,
    lossNames: ['total', ...terms.map(term => term.name), 'gradientNorm'],
    labelShape: label?.shape,
    annotatedShape: annotated?.shape,
    adapters,
    teacherInputs: reachable(Object.values(graph.outputs)).flatMap(value =>
      isOp(value, 'Input') && value.attributes.name.startsWith('teacher') ? [value.attributes.name] : [],
    ),
  };
}
