/**
 * What an optimizer is: state vectors beside the parameters, a few numbers per step, and graph nodes that make the next ones. All vectors
 * are flat and as long as the trainable parameters; nothing of it runs in JavaScript.
 */
import type { GraphBuilder, Value } from '../graph/graph.ts';

interface OptimizerStep {
  readonly theta: Value;
  /** State by name, in the order of {@link Optimizer.stateNames}. */
  readonly state: readonly Value[];
}

interface OptimizerInput {
  readonly builder: GraphBuilder;
  /** Trainable parameters, [n]. */
  readonly theta: Value;
  /** Gradient of the loss, [n]. */
  readonly gradient: Value;
  readonly state: readonly Value[];
  /** Scalar, from the schedule. */
  readonly learningRate: Value;
  /** 1 / (1 - beta^t) per moment, scalars; unused by SGD. */
  readonly bias: readonly [Value, Value];
}

export interface Optimizer {
  readonly stateNames: readonly string[];
  /** Decay rates of the moments, for the bias corrections; zeros for none. */
  readonly betas: readonly [number, number];
  update(input: OptimizerInput): OptimizerStep;
}
