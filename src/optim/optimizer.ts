/**
 * The interface of an optimizer: state vectors beside the parameters, a few numbers per step, and graph nodes that
 * compute the next state. All vectors are flat and have one entry per trainable parameter. All computation happens in
 * the graph, none in JavaScript.
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
  /** Learning rate of the step from the schedule, scalar. */
  readonly learningRate: Value;
  /** 1 / (1 - beta^t) per moment, scalars; unused by SGD. */
  readonly bias: readonly [Value, Value];
}

export interface Optimizer {
  readonly stateNames: readonly string[];
  /** Decay rates of the moments, for the bias corrections; 0 for no moment. */
  readonly betas: readonly [number, number];
  update(input: OptimizerInput): OptimizerStep;
}
