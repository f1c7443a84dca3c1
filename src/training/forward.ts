/**
 * A network's forward pass as a graph: in training as part of a step, where it also returns features and the next
 * values of its buffers, and alone for validation.
 */
import type { Shape } from '../core/shape.ts';
import { LOGITS } from '../distillation/context.ts';
import { decompose } from '../graph/decompose.ts';
import { fuse } from '../graph/fuse.ts';
import { type Graph, GraphBuilder, type Value } from '../graph/graph.ts';
import {
  constantParameters,
  flatParameters,
  type Network,
  type ParameterSpec,
  parameterCount,
} from '../nn/parameters.ts';

/** A network with its parameter table. */
export interface Model {
  readonly network: Network;
  readonly specs: readonly ParameterSpec[];
}

/** One number of the step's hyper vector, as a scalar. */
export function hyperValue(builder: GraphBuilder, names: readonly string[], name: string): Value {
  const index = names.indexOf(name);
  return builder.reshape(builder.slice(builder.input('hyper', [names.length]), 0, index, index + 1), []);
}

/**
 * Forward pass of a model in a graph of its own, with concatenations and upsamplings folded away, copied into
 * `builder`.
 */
export function forward(
  builder: GraphBuilder,
  options: {
    readonly model: Model;
    readonly imageShape: Shape;
    readonly scope: string;
    /** Parameters of a frozen network; for a network in training the names of its input and of the step's numbers. */
    readonly theta: Float32Array | { readonly input: string; readonly hyperNames: readonly string[] };
    /** Names of features that are needed besides the logits. */
    readonly layers: readonly string[];
  },
): { readonly layers: ReadonlyMap<string, Value>; readonly updates: ReadonlyMap<string, Value> } {
  const { model, imageShape, scope, theta } = options;
  const own = new GraphBuilder();
  const updates = new Map<string, Value>();
  const layers = new Map<string, Value>();
  const parameters =
    'input' in theta
      ? flatParameters(own, own.input(theta.input, [parameterCount(model.specs)]), model.specs, {
          updates,
          dropoutKey: () => hyperValue(own, theta.hyperNames, 'dropoutKey'),
        })
      : constantParameters(own, theta, model.specs);
  const tap = (name: string, feature: Value): void => {
    if (options.layers.includes(name)) layers.set(name, feature);
  };
  const logits = own.scope(scope, () => model.network(own, own.input('image', imageShape), { ...parameters, tap }));
  layers.set(LOGITS, logits);
  const named = (kind: string, values: ReadonlyMap<string, Value>): (readonly [string, Value])[] =>
    [...values].map(([name, value]) => [`${kind} ${name}`, value]);
  const { outputs } = fuse(builder, {
    outputs: Object.fromEntries([...named('update', updates), ...named('layer', layers)]),
  });
  const copied = (kind: string, values: ReadonlyMap<string, Value>): ReadonlyMap<string, Value> =>
    new Map([...values.keys()].map(name => [name, outputs[`${kind} ${name}`] as Value]));
  return { layers: copied('layer', layers), updates: copied('update', updates) };
}

/** Forward pass only, parameters as the input `theta`: image to `logits`, for validation while training. */
export function buildForward(model: Model, imageShape: Shape): Graph {
  const builder = new GraphBuilder();
  const own = new GraphBuilder();
  const parameters = flatParameters(own, own.input('theta', [parameterCount(model.specs)]), model.specs);
  const logits = own.scope('model', () => model.network(own, own.input('image', imageShape), parameters));
  return decompose(new GraphBuilder(), fuse(builder, { outputs: { logits } }));
}
