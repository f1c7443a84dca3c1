/**
 * Layers as functions over a graph: convolution, the normalisations, activations. Each names its parameters under a
 * prefix.
 */
import { mapAxes } from '../core/axes.ts';
import type { Triple } from '../core/shape.ts';
import { elementCount } from '../core/shape.ts';
import type { GraphBuilder, Value } from '../graph/graph.ts';
import { spatial } from '../graph/infer.ts';
import { perChannel } from '../graph/moments.ts';
import type { Padding } from './geometry.ts';
import type { ParameterSource, ParameterSpec } from './parameters.ts';

/** Context of a layer: the builder, the parameters, and the layer's name. */
export interface LayerContext {
  readonly builder: GraphBuilder;
  readonly parameters: ParameterSource;
  readonly name: string;
}

export type NetworkNormalization = 'instance' | 'batch' | 'group' | 'none';

const EPSILON = 1e-5;
/** Weight of the newest batch in running statistics, as in PyTorch. */
const MOMENTUM = 0.1;
/** Largest number of channels per group of group normalisation. */
const GROUP_CHANNELS = 8;

/** A parameter with one number per channel, all equal at the start. */
export function vector(
  { parameters, name }: LayerContext,
  suffix: string,
  size: number,
  value: number,
  role: ParameterSpec['role'] = 'vector',
): Value {
  return parameters.get({ name: `${name}.${suffix}`, shape: [size], initializer: { kind: 'constant', value }, role });
}

/** A convolution layer. */
export interface ConvOptions {
  readonly channels: number;
  readonly kernel: Triple;
  /** Distance of neighbouring results in voxels, D, H, W; 1 if not given. */
  readonly stride?: Triple;
  readonly dilation?: number;
  /** Groups of channels that do not see each other; 1 if not given. */
  readonly groups?: number;
  /** Variance of the initial kernel times its fan-in: 2 / (1 + slope^2) before a leaky ReLU, 1 before none. */
  readonly gain: number;
  readonly bias: boolean;
}

/**
 * Convolution; under `same` padding the kernel must be odd on every axis, and the size stays, or is divided by the
 * stride.
 */
export function convolution(context: LayerContext, input: Value, options: ConvOptions & { padding: Padding }): Value {
  const { builder, parameters, name } = context;
  const { channels, kernel, stride = [1, 1, 1], dilation = 1, groups = 1, padding, gain, bias } = options;
  const shape = [channels, (input.shape[1] as number) / groups, ...kernel];
  const weight = parameters.get({
    name: `${name}.weight`,
    shape,
    initializer: { kind: 'normal', gain },
    role: 'kernel',
  });
  const [pd, ph, pw] = mapAxes(axis => (padding === 'same' ? (dilation * (kernel[axis] - 1)) / 2 : 0));
  const result = builder.apply('Conv', [input, weight], {
    kernel,
    strides: stride,
    dilations: [dilation, dilation, dilation],
    pads: [pd, ph, pw, pd, ph, pw],
    group: groups,
    upsample: [1, 1, 1],
  });
  return bias ? builder.add(result, perChannel(builder, vector(context, 'bias', channels, 0))) : result;
}

/** Convolution with an odd kernel and zero padding that keeps the size, or divides it by the stride. */
export function sameConv(context: LayerContext, input: Value, options: ConvOptions): Value {
  return convolution(context, input, { ...options, padding: 'same' });
}

/**
 * A convolution in two parts: 1x1x1 over all channels, then with the kernel in groups of channels that do not see each
 * other. With a group for every channel it is a blueprint separable convolution (arXiv:2003.13549), which filters the
 * channels of the result where a depthwise-separable one filters those of the input, of which a decoder has more.
 * @param options.groups divides the channels, and `channel` stands for as many
 */
export function convolutionInParts(
  context: LayerContext,
  input: Value,
  { groups, ...options }: Omit<ConvOptions, 'groups'> & { readonly groups: number | 'channel' },
): Value {
  const part = (suffix: string, image: Value, own: Partial<ConvOptions>): Value => {
    const name = `${context.name}.${suffix}`;
    return context.builder.scope(suffix, () => sameConv({ ...context, name }, image, { ...options, ...own }));
  };
  const mixed = part('pointwise', input, { kernel: [1, 1, 1], gain: 1, bias: false });
  return groups === 'channel'
    ? part('depthwise', mixed, { groups: options.channels })
    : part('grouped', mixed, { groups });
}

/** The activation after a normalisation; `prelu` learns its slope below zero, one per channel (arXiv:1502.01852). */
export type Activation =
  | { readonly kind: 'relu' | 'prelu' | 'linear' }
  | { readonly kind: 'leaky-relu'; readonly negativeSlope: number };

/** Slope of a PReLU before training, as in arXiv:1502.01852. */
const PRELU_SLOPE = 0.25;

/** The activation that nnU-Net's initial values are made for. */
export const NNUNET_ACTIVATION: Activation = { kind: 'leaky-relu', negativeSlope: 0.01 };

/** Variance times fan-in that keeps the size of signals through an activation (arXiv:1502.01852, equation 15). */
export function gainBefore(activation: Activation): number {
  switch (activation.kind) {
    case 'relu':
      return 2;
    case 'leaky-relu':
      return 2 / (1 + activation.negativeSlope ** 2);
    case 'prelu':
      return 2 / (1 + PRELU_SLOPE ** 2);
    case 'linear':
      return 1;
    default:
      return activation satisfies never;
  }
}

/** Applies an activation. */
export function activate(context: LayerContext, input: Value, activation: Activation): Value {
  const { builder } = context;
  switch (activation.kind) {
    case 'relu':
      return builder.apply('Relu', [input], {});
    case 'leaky-relu':
      return builder.apply('LeakyRelu', [input], { alpha: activation.negativeSlope });
    case 'prelu': {
      const slope = vector(context, 'slope', input.shape[1] as number, PRELU_SLOPE);
      return builder.apply('PRelu', [input, perChannel(builder, slope)], {});
    }
    case 'linear':
      return input;
    default:
      return activation satisfies never;
  }
}

function batchNormalization(context: LayerContext, input: Value, scale: Value, bias: Value): Value {
  const { builder, parameters, name } = context;
  const channels = input.shape[1] as number;
  const runningMean = vector(context, 'runningMean', channels, 0, 'buffer');
  const runningVariance = vector(context, 'runningVariance', channels, 1, 'buffer');
  let [mean, variance] = [perChannel(builder, runningMean), perChannel(builder, runningVariance)];
  if (parameters.training) {
    const axes = [0, 2, 3, 4];
    const count = (input.shape[0] as number) * elementCount(spatial(input.shape));
    mean = builder.mean(input, axes);
    variance = builder.max(builder.sub(builder.mean(builder.mul(input, input), axes), builder.mul(mean, mean)), 0);
    const blend = (old: Value, fresh: Value): Value =>
      builder.add(builder.mul(old, 1 - MOMENTUM), builder.mul(builder.reshape(fresh, [channels]), MOMENTUM));
    parameters.update(`${name}.runningMean`, blend(runningMean, mean));
    // the running variance is the unbiased one, as in PyTorch
    parameters.update(`${name}.runningVariance`, blend(runningVariance, builder.mul(variance, count / (count - 1))));
  }
  const factor = builder.div(perChannel(builder, scale), builder.sqrt(builder.add(variance, EPSILON)));
  return builder.add(builder.mul(input, factor), builder.sub(perChannel(builder, bias), builder.mul(mean, factor)));
}

/** Group normalisation as instance normalisation of a view whose channels are whole groups (arXiv:1803.08494). */
function groupNormalization({ builder }: LayerContext, input: Value, scale: Value, bias: Value): Value {
  const [batch, channels, depth, height, width] = input.shape as readonly [number, number, number, number, number];
  let groups = Math.ceil(channels / GROUP_CHANNELS);
  while (channels % groups !== 0) groups++;
  const view = builder.reshape(input, [batch, groups, (channels / groups) * depth, height, width]);
  const ones = builder.float(new Array<number>(groups).fill(1), [groups]);
  const zeros = builder.float(new Array<number>(groups).fill(0), [groups]);
  const normal = builder.apply('InstanceNormalization', [view, ones, zeros], { epsilon: EPSILON });
  const scaled = builder.mul(builder.reshape(normal, input.shape), perChannel(builder, scale));
  return builder.add(scaled, perChannel(builder, bias));
}

/**
 * Normalisation with a scale and a bias per channel.
 * @param initial.scale scale before training, 1 if not given
 */
export function normalize(
  context: LayerContext,
  input: Value,
  kind: NetworkNormalization,
  initial: { readonly scale: number } = { scale: 1 },
): Value {
  if (kind === 'none') return input;
  const channels = input.shape[1] as number;
  const scale = vector(context, 'scale', channels, initial.scale);
  const bias = vector(context, 'bias', channels, 0);
  switch (kind) {
    case 'instance':
      return context.builder.apply('InstanceNormalization', [input, scale, bias], { epsilon: EPSILON });
    case 'batch':
      return batchNormalization(context, input, scale, bias);
    case 'group':
      return groupNormalization(context, input, scale, bias);
    default:
      return kind satisfies never;
  }
}
