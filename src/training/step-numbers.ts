/** The numbers of a step that change from step to step, as functions of it: a schedule never rebuilds a graph. */
import { invariant } from '../core/errors.ts';
import { random } from '../core/random.ts';
import { distillationHyperValues } from '../distillation/terms.ts';
import { DROPOUT_KEYS } from '../nn/dropout.ts';
import { biasCorrections } from '../optim/adam.ts';
import { averageDecay } from '../optim/moving-average.ts';
import { reducedRate, type Schedule, scheduleFactor } from '../optim/schedules.ts';
import type { StepOptions } from './step.ts';

/** What the numbers of a step follow from. */
export interface NumberOptions {
  readonly step: StepOptions;
  /** Seed of the dropout masks. */
  readonly seed: number;
  readonly steps: number;
  readonly learningRate: number;
  readonly schedule: Schedule;
}

/** Fraction of the steps over which annealed class weights go from balanced to uniform. */
const ANNEALED_SHARE = 0.5;

/** Exponent of annealed class weights at a step: 1 at the start, 0 from the middle on, in a straight line. */
export function balanceExponent(step: number, steps: number): number {
  return Math.max(0, 1 - step / (ANNEALED_SHARE * steps));
}

/** Decay of the moving average at a step, if the training keeps one. */
export function decayAt(
  { step: { emaDecay = null } }: Pick<NumberOptions, 'step'>,
  step: number,
): { readonly emaDecay?: number } {
  return emaDecay === null ? {} : { emaDecay: averageDecay(emaDecay, step) };
}

/** Number of runs of the graph that a step takes. */
export function microBatches({ step: { accumulate = 1 } }: Pick<NumberOptions, 'step'>): number {
  return accumulate;
}

/**
 * The vector `hyper` of a run of the graph.
 * @param names names of its numbers
 * @param position the step from 0, which of its micro-batches, from 0, and how often the rate was reduced before it
 */
export function stepNumbers(
  options: NumberOptions,
  names: readonly string[],
  { step, part, reductions }: { readonly step: number; readonly part: number; readonly reductions: number },
): Float32Array {
  const [first, second] = biasCorrections(options.step.optimizer, step);
  const parts = microBatches(options);
  const rate = reducedRate(options.schedule, options.learningRate, reductions);
  const numbers: Record<string, number> = {
    learningRate: rate * scheduleFactor(options.schedule, step, options.steps),
    biasCorrection1: first,
    biasCorrection2: second,
    ...decayAt(options, step),
    isLast: part === parts - 1 ? 1 : 0,
    dropoutKey: random(options.seed, 'dropout', step * parts + part).integer(DROPOUT_KEYS),
    'crossEntropy.balance': balanceExponent(step, options.steps),
    ...distillationHyperValues(options.step.distillation?.terms ?? [], { step, steps: options.steps }),
  };
  return Float32Array.from(names, name => {
    const value = numbers[name];
    invariant(value !== undefined, `the number ${name} has a value at every step`);
    return value;
  });
}
