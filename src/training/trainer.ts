/**
 * The training loop: step after step by the engine, with the tensors that come out fed straight back in. Validates at
 * regular intervals, keeps the best parameters by validation Dice, writes checkpoints through a store, and stops at a
 * loss that is not finite.
 */

import { formatDice, formatNumber } from '../core/format.ts';
import { type ParameterSpec, parameterCount } from '../nn/parameters.ts';
import { encodeModel } from '../onnx/encode.ts';
import { lower } from '../onnx/lower.ts';
import { reducedRate } from '../optim/schedules.ts';
import type { Engine } from '../runtime/engine.ts';
import type { Progress, ProgressTask } from '../runtime/progress.ts';
import { type Checkpoint, keptParameters } from './checkpoint.ts';
import { afterValidation, NO_PLATEAU } from './plateau.ts';
import { flat, type RunOptions, runStep, type TrainingState } from './run-step.ts';
import { buildTrainingStep, type TrainingStep } from './step.ts';
import { decayAt } from './step-numbers.ts';
import { ADAPTERS, AVERAGE } from './update.ts';

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

export interface TrainerOptions extends RunOptions {
  readonly engine: Engine;
  readonly initialTheta: Float32Array;
  /** Initial values of the adapters of the step; from a separate random stream, so that the student's do not change. */
  readonly initialAdapters: (specs: readonly ParameterSpec[]) => Float32Array;
  readonly validateEvery: number;
  /**
   * Number of validations in a row without a better score after which the training ends; it goes on to the last step if
   * null or not given.
   */
  readonly earlyStopPatience?: number | null;
  /** Mean Dice on the validation cases, of the averaged parameters if there are any; undefined if there are none. */
  readonly validate: ((theta: Float32Array) => Promise<number>) | undefined;
  readonly store: TrainingStore;
  readonly fingerprint: string;
  readonly progress: Progress;
  readonly label: string;
}

export interface TrainingResult {
  /** Best parameters by validation, or the last ones without validation; averaged, if the training keeps an average. */
  readonly theta: Float32Array;
  readonly bestStep: number;
  /** Number of steps that were done. */
  readonly steps: number;
  readonly records: readonly StepRecord[];
  readonly seconds: number;
  /** Fraction of the time in which the engine waited for a batch. */
  readonly waitingShare: number;
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

/** The state at the last checkpoint, or before the first step. */
function startState(options: TrainerOptions, step: TrainingStep, last: Checkpoint | undefined): TrainingState {
  const initial = Object.entries(initialState(options, step));
  return {
    step: last?.step ?? 0,
    theta: flat(last?.theta ?? options.initialTheta),
    plateau: last?.plateau ?? NO_PLATEAU,
    vectors: Object.fromEntries(
      initial.map(([name, values]) => [name, flat((name === AVERAGE ? last?.average : last?.state[name]) ?? values)]),
    ),
  };
}

/** Whether something follows from a validation that brings nothing better. */
function isWatched({ schedule, earlyStopPatience = null }: TrainerOptions): boolean {
  return schedule.kind === 'plateau' || earlyStopPatience !== null;
}

/** Whether the training has ended before its last step. */
function hasStopped({ earlyStopPatience = null }: TrainerOptions, { plateau }: TrainingState): boolean {
  return earlyStopPatience !== null && plateau.sinceBest >= earlyStopPatience;
}

/** Reports that the training has ended before its last step. */
function tellOfEarlyStop({ label, steps, progress }: TrainerOptions, task: ProgressTask, state: TrainingState): void {
  const { step, plateau } = state;
  progress.log(
    `${label}: stopped early at step ${step} of ${steps}, since ${plateau.sinceBest} validations in a row brought nothing better`,
  );
  task.update(step, undefined, { total: step });
}

/** The state after a validation; reports a learning rate that is reduced by it. */
function validatedState(options: TrainerOptions, before: TrainingState, isBetter: boolean): TrainingState {
  const { schedule, progress, label } = options;
  const patience = schedule.kind === 'plateau' ? schedule.patience : undefined;
  const plateau = afterValidation(before.plateau, { isBetter, patience });
  const [old, rate] = [before.plateau, plateau].map(({ reductions }) => rateAfter(options, reductions));
  if (rate !== old && before.step < options.steps) {
    const why = 'since no validation was better for a while';
    progress.log(`${label}: the learning rate is ${rate} from step ${before.step + 1} on, ${why}`);
  }
  return { ...before, plateau };
}

/** A state as a checkpoint has it. */
function stored(
  options: TrainerOptions,
  { step, theta, vectors, plateau }: TrainingState,
): Pick<Checkpoint, 'step' | 'theta' | 'average' | 'state' | 'plateau'> {
  const { [AVERAGE]: average, ...state } = Object.fromEntries(
    Object.entries(vectors).map(([name, { data }]) => [name, data as Float32Array]),
  );
  const watched = isWatched(options) && { plateau };
  return { step, theta: theta.data as Float32Array, ...(average && { average }), state, ...watched };
}

async function trainToEnd(options: TrainerOptions): Promise<TrainingResult> {
  const { engine, steps, progress, store, now } = options;
  const resumed = await store.load();
  const plan = buildTrainingStep(options.step);
  const session = await engine.load(encodeModel(lower(plan.graph, engine)));

  const records: StepRecord[] = [];
  let state = startState(options, plan, resumed?.last);
  let best = resumed?.last.best ?? null;
  let bestTheta = resumed?.bestTheta ?? options.initialTheta;
  const started = now();
  let waited = 0;
  const seconds = (): number => (resumed?.last.seconds ?? 0) + (now() - started) / 1000;
  const snapshot = (): Checkpoint => ({
    ...stored(options, state),
    best,
    seconds: seconds(),
    fingerprint: options.fingerprint,
  });
  /** The record with its validation, if there is one; the best parameters are kept. */
  const validated = async (record: StepRecord): Promise<StepRecord> => {
    const theta = keptParameters(stored(options, state));
    const dice = await options.validate?.(theta);
    if (dice === undefined) return record;
    const complete = { ...record, validationDice: dice };
    const isBetter = best === null || dice > best.dice;
    state = validatedState(options, state, isBetter);
    if (isBetter) {
      best = { step: state.step, dice };
      bestTheta = theta;
      await store.saveBest(snapshot(), [...records, complete]);
    }
    return complete;
  };

  const task = progress.task(options.label, steps, 'step');
  try {
    while (state.step < steps && !hasStopped(options, state)) {
      if (options.signal?.aborted === true) {
        await store.saveLast(snapshot(), records);
        options.signal.throwIfAborted();
      }
      const outcome = await runStep(options, { plan, session }, state);
      if (outcome === undefined) continue;
      const { after, losses, epoch, learningRate } = outcome;
      state = after;
      waited += outcome.waitedMs;
      const record: StepRecord = {
        step: state.step,
        epoch,
        seconds: seconds(),
        learningRate,
        losses,
        ...decayAt(options, state.step - 1),
      };
      const isDue = state.step % options.validateEvery === 0 || state.step === steps;
      records.push(isDue ? await validated(record) : record);
      if (isDue) await store.saveLast(snapshot(), records);
      task.update(state.step, stepNote(losses['total'], best));
    }
  } finally {
    await session.dispose();
  }
  if (state.step < steps) tellOfEarlyStop(options, task, state);
  task.finish(best === null ? undefined : `${bestText(best)} at step ${best.step}`);
  const elapsed = (now() - started) / 1000;
  return {
    theta: best === null ? keptParameters(stored(options, state)) : bestTheta,
    bestStep: best?.step ?? state.step,
    steps: state.step,
    records,
    seconds: seconds(),
    waitingShare: elapsed === 0 ? 0 : waited / 1000 / elapsed,
  };
}

/** The configured learning rate after some reductions, to three digits. */
function rateAfter({ schedule, learningRate }: TrainerOptions, reductions: number): number {
  return Number(reducedRate(schedule, learningRate, reductions).toPrecision(3));
}

function stepNote(loss: number | undefined, best: Checkpoint['best']): string {
  return `loss ${formatNumber(loss, 3)}${best === null ? '' : `  ${bestText(best)}`}`;
}

function bestText({ dice }: NonNullable<Checkpoint['best']>): string {
  return `best validation Dice ${formatDice(dice)}`;
}
