/** One training step by the engine: a run of the graph for each of its micro-batches, with what the graph needs. */
import { invariant, WorkError } from '../core/errors.ts';
import { type Tensor, tensor } from '../core/tensor.ts';
import type { Batch, BatchSource } from '../data/loader.ts';
import type { Session } from '../runtime/engine.ts';
import type { Plateau } from './plateau.ts';
import { ANNOTATED, type TrainingStep } from './step.ts';
import { microBatches, type NumberOptions, stepNumbers } from './step-numbers.ts';
import { GRADIENT } from './update.ts';

/** Tensors of a teacher outside the step for a batch. */
export interface TeacherTensors {
  /** Logits in the student's form. */
  readonly logits: Tensor;
  /** The layers that terms name, by name. */
  readonly features: Readonly<Record<string, Tensor>>;
}

/** @param position number of the batch, from 0: the step, where a step has one */
export type TeacherCall = (position: number, batch: Batch) => Promise<TeacherTensors>;

/** What a step runs on. */
export interface RunOptions extends NumberOptions {
  readonly batches: BatchSource;
  /**
   * Which channels of the logits were looked for in a case, 1 or 0 each; needed if the step has partly annotated
   * samples.
   */
  readonly annotated?: ((id: string) => readonly number[]) | undefined;
  /** A teacher that is not part of the step's graph. */
  readonly callTeacher?: TeacherCall | undefined;
  readonly signal?: AbortSignal | undefined;
  /** Milliseconds from any origin. */
  readonly now: () => number;
}

/** State that changes from step to step. */
export interface TrainingState {
  /** Number of finished steps. */
  readonly step: number;
  readonly theta: Tensor;
  /** The optimizer's moments, the adapters and the average, by their names in the step. */
  readonly vectors: Readonly<Record<string, Tensor>>;
  readonly plateau: Plateau;
}

/** A finished step. */
export interface StepOutcome {
  readonly after: TrainingState;
  /** Loss terms by name: means over the micro-batches, and the norm of their mean gradient. */
  readonly losses: Readonly<Record<string, number>>;
  readonly epoch: number;
  readonly learningRate: number;
  /** Time that the engine waited for batches. */
  readonly waitedMs: number;
}

/** A graph that is loaded. */
export interface LoadedStep {
  readonly plan: TrainingStep;
  readonly session: Session;
}

/** A vector as a tensor. */
export const flat = (data: Float32Array): Tensor => tensor('float32', data, [data.length]);

function assertFinite(losses: Readonly<Record<string, number>>, step: number, caseIds: readonly string[]): void {
  const broken = Object.entries(losses).filter(([, value]) => !Number.isFinite(value));
  if (broken.length === 0) return;
  throw new WorkError(
    'E_LOSS_NOT_FINITE',
    `${broken.map(([name, value]) => `${name} is ${value}`).join(', ')} at step ${step} (cases ${caseIds.join(', ')}). ` +
      'Lower the learning rate, set optimizer.clipNorm, or look at these cases with `voxstill inspect`; the last checkpoint is kept',
  );
}

/** An external teacher's tensors for a batch, as far as the step has them as inputs. */
async function teacherFeeds(
  { callTeacher }: RunOptions,
  { teacherInputs }: TrainingStep,
  { position, batch }: { readonly position: number; readonly batch: Batch },
): Promise<Record<string, Tensor>> {
  if (callTeacher === undefined || teacherInputs.length === 0) return {};
  const { logits, features } = await callTeacher(position, batch);
  const named = Object.entries(features).map(([name, feature]): [string, Tensor] => [
    `teacherFeature:${name}`,
    feature,
  ]);
  const all = new Map<string, Tensor>([['teacherLogits', logits], ...named]);
  return Object.fromEntries(teacherInputs.map(name => [name, all.get(name) as Tensor]));
}

/** What was looked for in the labelled samples of a batch, if the step needs it. */
function annotatedFeed(
  { annotated }: RunOptions,
  { annotatedShape }: TrainingStep,
  { caseIds }: Batch,
): Readonly<Record<string, Tensor>> {
  if (annotatedShape === undefined) return {};
  invariant(annotated !== undefined, 'a step with partly annotated samples needs to know what was looked for');
  const labelled = caseIds.slice(0, annotatedShape[0]);
  return { [ANNOTATED]: tensor('float32', Float32Array.from(labelled.flatMap(annotated)), annotatedShape) };
}

/** The vectors of a state with the sum of gradients, where a step has several micro-batches. */
function startOf(options: RunOptions, { vectors }: TrainingState): TrainingState['vectors'] {
  if (microBatches(options) === 1) return vectors;
  // of the moments' length, which is that of the gradient
  const [moment] = options.step.optimizer.stateNames.map(name => vectors[name] as Tensor);
  return { ...vectors, [GRADIENT]: flat(new Float32Array((moment as Tensor).data.length)) };
}

/**
 * Runs one step.
 * @returns undefined if the signal fired between two micro-batches: the state before the step still stands
 * @throws {WorkError} E_LOSS_NOT_FINITE
 */
export async function runStep(
  options: RunOptions,
  { plan, session }: LoadedStep,
  before: TrainingState,
): Promise<StepOutcome | undefined> {
  const { batches, now } = options;
  const { step, plateau } = before;
  const parts = microBatches(options);
  let state: Pick<TrainingState, 'theta' | 'vectors'> = { theta: before.theta, vectors: startOf(options, before) };
  const found: Float32Array[] = [];
  let [epoch, learningRate, waitedMs] = [0, 0, 0];
  for (let part = 0; part < parts; part++) {
    if (part > 0 && options.signal?.aborted === true) return undefined;
    const position = step * parts + part;
    const asked = now();
    const batch = await batches.next(position);
    waitedMs += now() - asked;
    const hyper = stepNumbers(options, plan.hyperNames, { step, part, reductions: plateau.reductions });
    if (part === 0) [epoch, learningRate] = [batch.epoch, hyper[0] as number];
    const results = await session.run({
      image: tensor('float32', batch.image, options.step.imageShape),
      ...(await teacherFeeds(options, plan, { position, batch })),
      ...(plan.labelShape && { label: tensor('int32', batch.label, plan.labelShape) }),
      ...annotatedFeed(options, plan, batch),
      theta: state.theta,
      ...state.vectors,
      hyper: flat(hyper),
    });
    const values = (results['losses'] as Tensor).data as Float32Array;
    found.push(values);
    const named = Object.fromEntries(plan.lossNames.map((name, index) => [name, values[index] as number]));
    assertFinite(named, step + 1, batch.caseIds);
    const names = Object.keys(state.vectors);
    state = {
      theta: results['theta.next'] as Tensor,
      vectors: Object.fromEntries(names.map(name => [name, results[`${name}.next`] as Tensor])),
    };
  }
  const { [GRADIENT]: _, ...vectors } = state.vectors;
  // the norm is that of the whole sum, which the last run has
  const lossOf = (name: string, index: number): number =>
    name === 'gradientNorm'
      ? (found.at(-1)?.[index] as number)
      : found.reduce((sum, values) => sum + (values[index] as number), 0) / parts;
  return {
    after: { step: step + 1, theta: state.theta, vectors, plateau },
    losses: Object.fromEntries(plan.lossNames.map((name, index) => [name, lossOf(name, index)])),
    epoch,
    learningRate,
    waitedMs,
  };
}
