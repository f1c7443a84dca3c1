/**
 * The plan of one arm, derived from the recipe before anything is read or run: its network, its step, and its
 * optimizer.
 */

import { xyz, zyx } from '../core/axes.ts';
import { InputError, invariant } from '../core/errors.ts';
import { formatBytes, formatCount, formatWhole } from '../core/format.ts';
import type { Shape, Triple } from '../core/shape.ts';
import { partlyAnnotated } from '../data/annotated-classes.ts';
import type { Dataset } from '../data/dataset.ts';
import { distillationTerms } from '../distillation/terms.ts';
import { collectParameters, type ParameterSpec, parameterCount } from '../nn/parameters.ts';
import { adam } from '../optim/adam.ts';
import type { Optimizer } from '../optim/optimizer.ts';
import { sgd } from '../optim/sgd.ts';
import { type Architecture, architectureOf } from '../recipe/network.ts';
import { isFinished } from '../recipe/schema/teacher.ts';
import type { Recipe } from '../recipe/schema.ts';
import { type ModelCosts, modelCosts } from '../training/costs.ts';
import type { Model } from '../training/forward.ts';
import { isSigmoid } from '../training/hard-loss.ts';
import type { StepOptions } from '../training/step.ts';
import type { ExternalTeacher, TeacherInStep } from '../training/teacher-in-step.ts';
import { kernelMask } from '../training/update.ts';
import type { TrainedArm } from './record.ts';

/** Facts about the data that the networks need. */
export interface DataShape {
  /** Number of input channels. */
  readonly channels: number;
  /** Number of labels including the background. */
  readonly labels: number;
  /** Label values of each channel, if the classes of the data set are regions. */
  readonly regions?: StepOptions['hardLoss']['regions'];
  /** The ignore label of the data set. */
  readonly ignore?: number | undefined;
  /** Whether some of its cases are annotated for some classes only. */
  readonly isPartial?: boolean;
}

/** The facts about a data set that networks need. */
export function dataShape(dataset: Dataset): DataShape {
  const { channels, labels, ignore } = dataset;
  const regions = labels.flatMap(({ region }) => (region === undefined ? [] : [region]));
  return {
    channels: channels.length,
    labels: labels.length,
    ...(regions.length > 0 && { regions }),
    ignore,
    ...(partlyAnnotated(dataset).length > 0 && { isPartial: true }),
  };
}

export interface ArmPlan {
  readonly architecture: Architecture;
  readonly model: Model;
  readonly step: StepOptions;
  /** Number of patches at the end of a batch without a label. */
  readonly unlabelled: number;
  readonly learningRate: number;
  readonly train: Recipe['student']['train'];
}

/** Patch size in the order of the tensor's spatial axes. */
export function patchShape(size: Recipe['patch']['size']): Triple {
  return zyx(size);
}

/** One channel per class; independent classes have none for the background. */
export function logitChannels({ loss }: Recipe, labels: number): number {
  return labels - (isSigmoid(loss) ? 1 : 0);
}

function optimizerOf(
  { optimizer }: Recipe,
  model: Model,
): { readonly optimizer: Optimizer; readonly learningRate: number } {
  const trainable = model.specs.filter(spec => spec.role !== 'buffer');
  if ('sgd' in optimizer) return { optimizer: sgd(optimizer.sgd), learningRate: optimizer.sgd.learningRate };
  // Adam's own weight decay is a penalty, see regularizationOf
  const options = 'adam' in optimizer ? { ...optimizer.adam, weightDecay: 0 } : optimizer.adamw;
  return { optimizer: adam(options, count => kernelMask(trainable, count)), learningRate: options.learningRate };
}

/**
 * Penalties on kernels. Weight decay that is added to the gradient is an L2 penalty of half its size (arXiv:1711.05101,
 * section 2).
 */
function regularizationOf({ optimizer }: Recipe, { penalties }: Architecture): StepOptions['regularization'] {
  const { l1, l2 } = optimizer.regularization;
  const decay = 'adam' in optimizer ? optimizer.adam.weightDecay / 2 : 0;
  return { l1: l1 + penalties.l1, l2: l2 + penalties.l2 + decay };
}

/**
 * The parameters with those that are not trained as buffers: they have no gradient and no moments.
 * @throws {InputError} E_START if nothing is left to train
 */
function frozen(specs: readonly ParameterSpec[], names: ReadonlySet<string>): readonly ParameterSpec[] {
  const all = specs.map((spec): ParameterSpec => (names.has(spec.name) ? { ...spec, role: 'buffer' } : spec));
  const trained = all.filter(({ role }) => role !== 'buffer');
  if (trained.length > 0) return [...trained, ...all.filter(({ role }) => role === 'buffer')];
  throw new InputError(
    'E_START',
    'train.oldLayersRate is 0, and every parameter is taken over from the model that the training starts from, so nothing is left to train. Give a rate above 0.',
  );
}

/**
 * Plans an arm that is trained.
 * @param teacher teacher of the student; absent for the other arms
 */
export function planArm(
  recipe: Recipe,
  arm: TrainedArm,
  {
    channels,
    labels,
    regions,
    ignore,
    isPartial,
    teacher,
    start,
  }: DataShape & {
    readonly teacher?: TeacherInStep | undefined;
    /** Parameters that are taken over from another model, by name. */
    readonly start?: { readonly fitted: readonly string[] } | undefined;
  },
): ArmPlan {
  const settings = arm === 'teacher' ? recipe.teacher : recipe.student;
  invariant(!isFinished(settings), 'a finished teacher is not trained');
  const unlabelled = teacher === undefined ? 0 : recipe.distill.unlabelled.batch;
  const imageShape: Shape = [settings.train.batch + unlabelled, channels, ...patchShape(recipe.patch.size)];
  const architecture = architectureOf(settings, logitChannels(recipe, labels));
  const specs = collectParameters(architecture.network, imageShape);
  const old = new Set(start?.fitted);
  const { oldLayersRate } = settings.train;
  const model: Model = {
    network: architecture.network,
    specs: oldLayersRate === 0 ? frozen(specs, old) : specs,
  };
  const { optimizer, learningRate } = optimizerOf(recipe, model);
  const step: StepOptions = {
    student: model,
    imageShape,
    unlabelled,
    hardLoss: { ...recipe.loss, regions, ignore, isPartial },
    optimizer,
    regularization: regularizationOf(recipe, architecture),
    clipNorm: recipe.optimizer.clipNorm,
    emaDecay: settings.train.ema,
    // the finest level has the network's own head, and the lowest does not count
    ...(settings.train.deepSupervision && { deepSupervision: architecture.decoder.slice(1, -1) }),
    accumulate: settings.train.accumulate,
    ...(old.size > 0 && oldLayersRate > 0 && oldLayersRate !== 1 && { slower: { names: old, factor: oldLayersRate } }),
    ...(teacher === undefined ? {} : { distillation: { teacher, terms: distillationTerms(recipe.distill.losses) } }),
  };
  return {
    architecture,
    model,
    step,
    unlabelled,
    learningRate: settings.train.learningRate ?? learningRate,
    train: settings.train,
  };
}

/**
 * A teacher that the recipe describes, before it is trained: its parameters are 0. Undefined where the teacher is a
 * finished model.
 */
function untrainedTeacher(recipe: Recipe, shape: DataShape): TeacherInStep | undefined {
  if (isFinished(recipe.teacher)) return undefined;
  const { model } = planArm(recipe, 'teacher', shape);
  return { ...model, theta: new Float32Array(parameterCount(model.specs)) };
}

/**
 * Plans the student before the teacher exists; the plan does not depend on the teacher's parameters.
 * @param external shapes of a finished teacher's results, if the recipe has one
 */
export function planStudent(recipe: Recipe, shape: DataShape, external?: ExternalTeacher): ArmPlan {
  return planArm(recipe, 'student', { ...shape, teacher: external ?? untrainedTeacher(recipe, shape) });
}

/**
 * Parameters, multiply-adds, field of view and memory of an arm, before it is trained. The training of a student
 * includes a teacher that is a network of the recipe; finished ONNX models that teach are separate sessions and not
 * counted.
 * @param options.block channel block of the engine, 0 for standard operators
 */
export function armCosts(recipe: Recipe, arm: TrainedArm, options: DataShape & { readonly block: number }): ModelCosts {
  const { architecture, step } = arm === 'student' ? planStudent(recipe, options) : planArm(recipe, arm, options);
  return modelCosts(step, { geometry: architecture.geometry, block: options.block });
}

/** Costs as one line for people. */
export function formatCosts(costs: ModelCosts): string {
  const size = (of: Triple): string => xyz(of).join('x');
  return (
    `${formatWhole(costs.parameters)} parameters, ${formatCount(costs.multiplyAdds)} multiply-adds per patch, ` +
    `field of view ${size(costs.fieldOfView)}, result ${size(costs.outputSize)}; ` +
    `about ${formatBytes(costs.trainingBytes)} to train, ${formatBytes(costs.inferenceBytes)} to run`
  );
}
