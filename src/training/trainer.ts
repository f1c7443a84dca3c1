/**
 * The training loop: one engine run per step, with the tensors that come out fed straight back in. Validates at regular
 * intervals, keeps the best parameters by validation Dice, writes checkpoints through a store, and stops at a loss that
 * is not finite.
 */

import { invariant, WorkError } from '../core/errors.ts';
import { formatDice, formatNumber } from '../core/format.ts';
import { random } from '../core/random.ts';
import { type Tensor, tensor } from '../core/tensor.ts';
import type { Batch, BatchSource } from '../data/loader.ts';
import { distillationHyperValues } from '../distillation/terms.ts';
import { DROPOUT_KEYS } from '../nn/dropout.ts';
import { type ParameterSpec, parameterCount } from '../nn/parameters.ts';
import { encodeModel } from '../onnx/encode.ts';
import { lower } from '../onnx/lower.ts';
import { biasCorrections } from '../optim/adam.ts';
import { averageDecay } from '../optim/moving-average.ts';
import { type Schedule, scheduleFactor } from '../optim/schedules.ts';
import type { Engine, Session } from '../runtime/engine.ts';
import type { Progress } from '../runtime/progress.ts';
import { type Checkpoint, keptParameters } from './checkpoint.ts';
import { ANNOTATED, buildTrainingStep, type StepOptions, type TrainingStep } from './step.ts';
import { ADAPTERS, AVERAGE } from './update.ts';

/** Tensors of a teacher outside the step for a batch. */
export interface TeacherTensors {
  /** Logits in the student's form. */
  readonly logits: Tensor;
  /** The layers that terms name, by name. */
  readonly features: Readonly<Record<string, Tensor>>;
}

/** @param step step of the batch, from 0 */
export type TeacherCall = (step: number, batch: Batch) => Promise<TeacherTensors>;

/** The record of a step, and a row of `history.csv`; loss terms and validation scores vary with the recipe. */
export interface StepRecord {
  readonly step: number;
  readonly epoch: number;
  readonly seconds: number;
  readonly learningRate: number;
  /** Loss terms by name: total, crossEntropy, dice, kd, ...; empty in rows that only validate. */
  readonly losses: Readonly<Record<string, number>>;
  /**
   * Decay of the moving average of the parameters at this step, if the training keeps one. The validation is then of
   * the averaged parameters, and otherwise of the trained ones.
   */
  readonly emaDecay?: number;
  /** Validation mean Dice, where this step validated. */
  readonly validationDice?: number;
}

/** Storage of checkpoints and records. */
export interface TrainingStore {
  /** The last checkpoint and the best parameters (averaged, if there is an average), if training was interrupted. */
  load(): Promise<{ readonly last: Checkpoint; readonly bestTheta: Float32Array } | undefined>;
  saveLast(checkpoint: Checkpoint, records: readonly StepRecord[]): Promise<void>;
  /** @param records as for saveLast: the steps up to this checkpoint since the training began or went on */
  saveBest(checkpoint: Checkpoint, records: readonly StepRecord[]): Promise<void>;
}

export interface TrainerOptions {
  readonly engine: Engine;
  readonly step: StepOptions;
  readonly initialTheta: Float32Array;
  /** Seed of the dropout masks. */
  readonly seed: number;
  /** Initial values of the adapters of the step; from a separate random stream, so that the student's do not change. */
  readonly initialAdapters: (specs: readonly ParameterSpec[]) => Float32Array;
  readonly batches: BatchSource;
  readonly steps: number;
  readonly learningRate: number;
  readonly schedule: Schedule;
  readonly validateEvery: number;
  /** Mean Dice on the validation cases, of the averaged parameters if there are any; undefined if there are none. */
  readonly validate: ((theta: Float32Array) => Promise<number>) | undefined;
  /**
   * Which channels of the logits were looked for in a case, 1 or 0 each; needed if the step has partly annotated
   * samples.
   */
  readonly annotated?: ((id: string) => readonly number[]) | undefined;
  /** A teacher that is not part of the step's graph. */
  readonly callTeacher?: TeacherCall | undefined;
  readonly store: TrainingStore;
  readonly fingerprint: string;
  readonly progress: Progress;
  readonly label: string;
  readonly signal?: AbortSignal | undefined;
  /** Milliseconds from any origin. */
  readonly now: () => number;
}

export interface TrainingResult {
  /** Best parameters by validation, or the last ones without validation; averaged, if the training keeps an average. */
  readonly theta: Float32Array;
  readonly bestStep: number;
  readonly records: readonly StepRecord[];
  readonly seconds: number;
  /** Fraction of the time in which the engine waited for a batch. */
  readonly waitingShare: number;
}

/** Fraction of the steps over which annealed class weights go from balanced to uniform. */
const ANNEALED_SHARE = 0.5;

/** Exponent of annealed class weights at a step: 1 at the start, 0 from the middle on, in a straight line. */
export function balanceExponent(step: number, steps: number): number {
  return Math.max(0, 1 - step / (ANNEALED_SHARE * steps));
}

/** Decay of the moving average at a step, if the training keeps one. */
function decayAt({ step: { emaDecay = null } }: TrainerOptions, step: number): { readonly emaDecay?: number } {
  return emaDecay === null ? {} : { emaDecay: averageDecay(emaDecay, step) };
}

function hyperValues(options: TrainerOptions, names: readonly string[], step: number): Float32Array {
  const [first, second] = biasCorrections(options.step.optimizer, step);
  const numbers: Record<string, number> = {
    learningRate: options.learningRate * scheduleFactor(options.schedule, step, options.steps),
    biasCorrection1: first,
    biasCorrection2: second,
    ...decayAt(options, step),
    dropoutKey: random(options.seed, 'dropout', step).integer(DROPOUT_KEYS),
    'crossEntropy.balance': balanceExponent(step, options.steps),
    ...distillationHyperValues(options.step.distillation?.terms ?? [], { step, steps: options.steps }),
  };
  return Float32Array.from(names, name => {
    const value = numbers[name];
    invariant(value !== undefined, `the number ${name} has a value at every step`);
    return value;
  });
}

function assertFinite(losses: Readonly<Record<string, number>>, step: number, caseIds: readonly string[]): void {
  const broken = Object.entries(losses).filter(([, value]) => !Number.isFinite(value));
  if (broken.length === 0) return;
  throw new WorkError(
    'E_LOSS_NOT_FINITE',
    `${broken.map(([name, value]) => `${name} is ${value}`).join(', ')} at step ${step} (cases ${caseIds.join(', ')}). ` +
      'Lower the learning rate, set optimizer.clipNorm, or look at these cases with `voxstill inspect`; the last checkpoint is kept',
  );
}

/**
 * Initial state that is passed from step to step besides the parameters: the optimizer's moments at 0, the adapters,
 * and the average, which begins with the parameters.
 */
function initialState(
  { step, initialTheta, initialAdapters }: TrainerOptions,
  { adapters }: TrainingStep,
): Record<string, Float32Array> {
  const trainable = [...step.student.specs.filter(spec => spec.role !== 'buffer'), ...adapters];
  const count = parameterCount(trainable);
  const moments = step.optimizer.stateNames.map(name => [name, new Float32Array(count)] as const);
  return Object.fromEntries([
    ...moments,
    ...(adapters.length === 0 ? [] : [[ADAPTERS, initialAdapters(adapters)] as const]),
    ...((step.emaDecay ?? null) === null ? [] : [[AVERAGE, initialTheta] as const]),
  ]);
}

/** An external teacher's tensors for a batch, as far as the step has them as inputs. */
async function teacherFeeds(
  { callTeacher }: TrainerOptions,
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

/**
 * Trains a model.
 * @throws {WorkError} E_LOSS_NOT_FINITE with the step, the cases and what to change
 * @throws the signal's reason when it fires, after a checkpoint has been written
 */
export async function train(options: TrainerOptions): Promise<TrainingResult> {
  try {
    return await trainToEnd(options);
  } finally {
    // also after a checkpoint that cannot be read: an open source keeps the program alive
    await options.batches.close();
  }
}

/** State that changes from step to step. */
interface TrainingState {
  /** Number of finished steps. */
  readonly step: number;
  readonly theta: Tensor;
  /** The optimizer's moments, the adapters and the average, by their names in the step. */
  readonly vectors: Readonly<Record<string, Tensor>>;
}

const flat = (data: Float32Array): Tensor => tensor('float32', data, [data.length]);

/** The state at the last checkpoint, or before the first step. */
function startState(options: TrainerOptions, step: TrainingStep, last: Checkpoint | undefined): TrainingState {
  const initial = Object.entries(initialState(options, step));
  return {
    step: last?.step ?? 0,
    theta: flat(last?.theta ?? options.initialTheta),
    vectors: Object.fromEntries(
      initial.map(([name, values]) => [name, flat((name === AVERAGE ? last?.average : last?.state[name]) ?? values)]),
    ),
  };
}

/** A state as a checkpoint has it. */
function stored({ step, theta, vectors }: TrainingState): Pick<Checkpoint, 'step' | 'theta' | 'average' | 'state'> {
  const { [AVERAGE]: average, ...state } = Object.fromEntries(
    Object.entries(vectors).map(([name, { data }]) => [name, data as Float32Array]),
  );
  return { step, theta: theta.data as Float32Array, ...(average && { average }), state };
}

/** What was looked for in the labelled samples of a batch, if the step needs it. */
function annotatedFeed(
  { annotated }: TrainerOptions,
  { annotatedShape }: TrainingStep,
  { caseIds }: Batch,
): Readonly<Record<string, Tensor>> {
  if (annotatedShape === undefined) return {};
  invariant(annotated !== undefined, 'a step with partly annotated samples is told what was looked for');
  const labelled = caseIds.slice(0, annotatedShape[0]);
  return { [ANNOTATED]: tensor('float32', Float32Array.from(labelled.flatMap(annotated)), annotatedShape) };
}

/** The engine's run of one step. @throws {WorkError} E_LOSS_NOT_FINITE */
async function runStep(
  options: TrainerOptions,
  { plan, session }: { readonly plan: TrainingStep; readonly session: Session },
  { before, batch, hyper }: { readonly before: TrainingState; readonly batch: Batch; readonly hyper: Float32Array },
): Promise<{ readonly after: TrainingState; readonly losses: Readonly<Record<string, number>> }> {
  const results = await session.run({
    image: tensor('float32', batch.image, options.step.imageShape),
    ...(await teacherFeeds(options, plan, { position: before.step, batch })),
    label: tensor('int32', batch.label, plan.labelShape),
    ...annotatedFeed(options, plan, batch),
    theta: before.theta,
    ...before.vectors,
    hyper: flat(hyper),
  });
  const values = (results['losses'] as Tensor).data as Float32Array;
  const losses = Object.fromEntries(plan.lossNames.map((name, index) => [name, values[index] as number]));
  assertFinite(losses, before.step + 1, batch.caseIds);
  const names = Object.keys(before.vectors);
  return {
    after: {
      step: before.step + 1,
      theta: results['theta.next'] as Tensor,
      vectors: Object.fromEntries(names.map(name => [name, results[`${name}.next`] as Tensor])),
    },
    losses,
  };
}

async function trainToEnd(options: TrainerOptions): Promise<TrainingResult> {
  const { engine, steps, progress, store, now } = options;
  const resumed = await store.load();
  const plan = buildTrainingStep(options.step);
  const session = await engine.load(encodeModel(lower(plan.graph, { block: engine.block })));

  const records: StepRecord[] = [];
  let state = startState(options, plan, resumed?.last);
  let best = resumed?.last.best ?? null;
  let bestTheta = resumed?.bestTheta ?? options.initialTheta;
  const started = now();
  let waited = 0;
  const seconds = (): number => (resumed?.last.seconds ?? 0) + (now() - started) / 1000;
  const snapshot = (): Checkpoint => ({ ...stored(state), best, seconds: seconds(), fingerprint: options.fingerprint });
  /** The record with its validation, if there is one; the best parameters are kept. */
  const validated = async (record: StepRecord): Promise<StepRecord> => {
    const theta = keptParameters(stored(state));
    const dice = await options.validate?.(theta);
    if (dice === undefined) return record;
    const complete = { ...record, validationDice: dice };
    if (best === null || dice > best.dice) {
      best = { step: state.step, dice };
      bestTheta = theta;
      await store.saveBest(snapshot(), [...records, complete]);
    }
    return complete;
  };

  const task = progress.task(options.label, steps, 'step');
  try {
    while (state.step < steps) {
      if (options.signal?.aborted === true) {
        await store.saveLast(snapshot(), records);
        options.signal.throwIfAborted();
      }
      const asked = now();
      const batch = await options.batches.next(state.step);
      waited += now() - asked;
      const hyper = hyperValues(options, plan.hyperNames, state.step);
      const { after, losses } = await runStep(options, { plan, session }, { before: state, batch, hyper });
      state = after;
      const record: StepRecord = {
        step: state.step,
        epoch: batch.epoch,
        seconds: seconds(),
        learningRate: hyper[0] as number,
        losses,
        ...decayAt(options, state.step - 1),
      };
      const isDue = state.step % options.validateEvery === 0 || state.step === steps;
      records.push(isDue ? await validated(record) : record);
      if (isDue) await store.saveLast(snapshot(), records);
      task.update(state.step, `loss ${formatNumber(losses['total'], 3)}${best === null ? '' : `  ${bestText(best)}`}`);
    }
  } finally {
    await session.dispose();
  }
  task.finish(best === null ? undefined : `${bestText(best)} at step ${best.step}`);
  const elapsed = (now() - started) / 1000;
  return {
    theta: best === null ? keptParameters(stored(state)) : bestTheta,
    bestStep: best?.step ?? steps,
    records,
    seconds: seconds(),
    waitingShare: elapsed === 0 ? 0 : waited / 1000 / elapsed,
  };
}

function bestText({ dice }: NonNullable<Checkpoint['best']>): string {
  return `best validation Dice ${formatDice(dice)}`;
}
