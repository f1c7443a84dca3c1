/**
 * Parameters of a network: names, shapes and initial values, kept in one flat float32 vector. Kernels have PyTorch's
 * layout [Co, Ci, kD, kH, kW]. Trainable parameters come first in the vector, buffers (running statistics) after them.
 */
import type { Random } from '../core/random.ts';
import { elementCount, type Shape } from '../core/shape.ts';
import { GraphBuilder, type Value } from '../graph/graph.ts';

/** Initial value of a parameter: He-normal with standard deviation sqrt(gain / fan-in), or one value everywhere. */
type Initializer =
  | { readonly kind: 'normal'; readonly gain: number }
  | { readonly kind: 'constant'; readonly value: number };

export interface ParameterSpec {
  readonly name: string;
  readonly shape: Shape;
  readonly initializer: Initializer;
  /** Role of a parameter: L1 and L2 act on a `kernel` only; a `buffer` is not trained. */
  readonly role: 'kernel' | 'vector' | 'buffer';
}

/**
 * What a network uses while it builds itself into a graph: the source of its parameters, and a listener for its
 * features.
 */
export interface ParameterSource {
  get(spec: ParameterSpec): Value;
  /** Declares the next value of a buffer; only in training. */
  update(name: string, next: Value): void;
  /** Whether normalisation uses the statistics of the batch. */
  readonly training: boolean;
  /**
   * Listener for inner features: reports one under its name, such as `encoder2`, for distillation. Absent if nobody
   * listens.
   */
  readonly tap?: (name: string, feature: Value) => void;
  /** Key of the step for dropout: a scalar whole number that changes with every step. Absent if nothing is dropped. */
  readonly dropoutKey?: (() => Value) | undefined;
}

/**
 * A network as a function that builds itself: image [N, C, D, H, W] to logits [N, K, D', H', W'], which lie in the
 * middle of the image; with valid padding they cover less than the image.
 */
export type Network = (builder: GraphBuilder, image: Value, parameters: ParameterSource) => Value;

/** The parameters a network asks for, trainable ones first. */
export function collectParameters(network: Network, imageShape: Shape): readonly ParameterSpec[] {
  const builder = new GraphBuilder();
  const specs = new Map<string, ParameterSpec>();
  network(builder, builder.input('image', imageShape), {
    training: true,
    update: () => {},
    get: spec => {
      specs.set(spec.name, spec);
      return builder.input(`parameter ${spec.name}`, spec.shape);
    },
  });
  const all = [...specs.values()];
  return [...all.filter(spec => spec.role !== 'buffer'), ...all.filter(spec => spec.role === 'buffer')];
}

/** The named features of a network with their shapes, in the order of creation; the last is `logits`, its result. */
export function collectFeatures(network: Network, imageShape: Shape): ReadonlyMap<string, Shape> {
  const builder = new GraphBuilder();
  const features = new Map<string, Shape>();
  const logits = network(builder, builder.input('image', imageShape), {
    training: false,
    update: () => {},
    get: spec => builder.input(`parameter ${spec.name}`, spec.shape),
    tap: (name, feature) => void features.set(name, feature.shape),
  });
  return features.set('logits', logits.shape);
}

/** Total number of elements of a list of parameters. */
export function parameterCount(specs: readonly ParameterSpec[]): number {
  return specs.reduce((sum, { shape }) => sum + elementCount(shape), 0);
}

/**
 * Initial values as one vector. Every parameter has its own random stream, so adding one does not change the others.
 */
export function initialize(specs: readonly ParameterSpec[], stream: (name: string) => Random): Float32Array {
  const theta = new Float32Array(parameterCount(specs));
  let start = 0;
  for (const { name, shape, initializer } of specs) {
    const count = elementCount(shape);
    if (initializer.kind === 'constant') theta.fill(initializer.value, start, start + count);
    else {
      const source = stream(name);
      const deviation = Math.sqrt(initializer.gain / elementCount(shape.slice(1)));
      for (let index = 0; index < count; index++) theta[start + index] = deviation * source.normal();
    }
    start += count;
  }
  return theta;
}

/** Inputs of a network in training besides its parameters. */
export interface TrainingContext {
  /** Receives the next values of buffers. */
  readonly updates: Map<string, Value>;
  readonly dropoutKey: () => Value;
}

/** Parameters cut out of one flat vector in the graph. */
export function flatParameters(
  builder: GraphBuilder,
  theta: Value,
  specs: readonly ParameterSpec[],
  training?: TrainingContext,
): ParameterSource & { readonly values: ReadonlyMap<string, Value> } {
  const values = new Map<string, Value>();
  let start = 0;
  for (const { name, shape } of specs) {
    const end = start + elementCount(shape);
    values.set(name, builder.reshape(builder.slice(theta, 0, start, end), shape));
    start = end;
  }
  return {
    values,
    training: training !== undefined,
    dropoutKey: training?.dropoutKey,
    get: ({ name }) => values.get(name) as Value,
    update: (name, next) => void training?.updates.set(name, next),
  };
}

/**
 * Parameters as constants of the graph: how a finished model is written.
 * @param options.named whether the constants carry the names of the parameters, for the one network of a file
 */
export function constantParameters(
  builder: GraphBuilder,
  theta: Float32Array,
  specs: readonly ParameterSpec[],
  { named = false } = {},
): ParameterSource {
  const values = new Map<string, Value>();
  let start = 0;
  for (const { name, shape } of specs) {
    const data = theta.slice(start, start + elementCount(shape));
    values.set(name, builder.constant({ dataType: 'float32', shape, data }, named ? name : undefined));
    start += data.length;
  }
  return { training: false, get: ({ name }) => values.get(name) as Value, update: () => {} };
}
