/**
 * The layers that MONAI's networks share: normalisations and activations by name, and the convolution that is followed
 * by them in an order that letters give (N, D, A). Dropout does nothing to a trained network. Source:
 * monai/networks/blocks and layers, version 1.6.1.
 */

import type { Triple } from '../../core/shape.ts';
import { tensor } from '../../core/tensor.ts';
import type { Value } from '../../graph/graph.ts';
import { perChannel } from '../../graph/moments.ts';
import { conv, instanceNorm, type Material, transposedConv, vector } from '../networks/layers.ts';
import { toVolume } from '../networks/space.ts';
import { type Layer, perAxis, refuseNetwork } from './arguments.ts';

const DEFAULT_EPSILON = 1e-5;
const DEFAULT_SLOPE = 0.01;

function optionOf<T>({ name, options }: Layer, key: string, fallback: T): T {
  const value = options[key] ?? fallback;
  return typeof value === typeof fallback ? (value as T) : refuseNetwork(`${name} with ${key} ${String(value)}`);
}

/** Keywords that do not change what a trained layer gives. */
const WITHOUT_EFFECT = ['inplace', 'init', 'momentum', 'num_features', 'num_channels', 'num_parameters'];

function assertOptions({ name, options }: Layer, known: readonly string[]): void {
  const other = Object.keys(options).find(key => !known.includes(key) && !WITHOUT_EFFECT.includes(key));
  if (other !== undefined) refuseNetwork(`${name} with ${other}`);
}

/** Scale and bias per channel, where there are any. */
function affine(material: Material, name: string, value: Value): Value {
  const { builder } = material;
  const channels = value.shape[1] as number;
  const part = (suffix: string): Value => perChannel(builder, vector(material, `${name}.${suffix}`, channels));
  return builder.add(builder.mul(value, part('weight')), part('bias'));
}

function batchNorm(material: Material, name: string, value: Value, epsilon: number, isAffine: boolean): Value {
  const { builder, weights } = material;
  const channels = value.shape[1] as number;
  const take = (suffix: string): Float32Array => weights.take(`${name}.${suffix}`, [channels]);
  const [mean, variance] = [take('running_mean'), take('running_var')];
  if (weights.has(`${name}.num_batches_tracked`)) weights.take(`${name}.num_batches_tracked`, []);
  const scale = isAffine ? take('weight') : new Float32Array(channels).fill(1);
  const bias = isAffine ? take('bias') : new Float32Array(channels);
  const factor = scale.map((weight, channel) => weight / Math.sqrt((variance[channel] as number) + epsilon));
  const shift = bias.map((offset, channel) => offset - (mean[channel] as number) * (factor[channel] as number));
  const constant = (data: Float32Array): Value =>
    perChannel(builder, builder.constant(tensor('float32', data, [channels])));
  return builder.add(builder.mul(value, constant(factor)), constant(shift));
}

function groupNorm(material: Material, name: string, value: Value, layer: Layer): Value {
  const { builder } = material;
  const [batch, channels, depth, height, width] = value.shape as readonly [number, number, number, number, number];
  const groups = optionOf(layer, 'num_groups', 0);
  if (groups < 1 || channels % groups !== 0) refuseNetwork(`${groups} groups of ${channels} channels`);
  const view = builder.reshape(value, [batch, groups, (channels / groups) * depth, height, width]);
  const ones = builder.float(new Array<number>(groups).fill(1), [groups]);
  const zeros = builder.float(new Array<number>(groups).fill(0), [groups]);
  const epsilon = optionOf(layer, 'eps', DEFAULT_EPSILON);
  const normal = builder.reshape(builder.apply('InstanceNormalization', [view, ones, zeros], { epsilon }), value.shape);
  return optionOf(layer, 'affine', true) ? affine(material, name, normal) : normal;
}

/** Normalisation by MONAI's name of it. @throws {InputError} E_IMPORT_NETWORK */
export function norm(material: Material, name: string, value: Value, layer: Layer): Value {
  switch (layer.name.toLowerCase()) {
    case '':
      return value;
    case 'instance':
    case 'instance_nvfuser':
      assertOptions(layer, ['affine', 'eps']);
      return instanceNorm(material, name, value, {
        epsilon: optionOf(layer, 'eps', DEFAULT_EPSILON),
        affine: optionOf(layer, 'affine', false),
      });
    case 'batch':
    case 'syncbatch':
      assertOptions(layer, ['affine', 'eps']);
      return batchNorm(material, name, value, optionOf(layer, 'eps', DEFAULT_EPSILON), optionOf(layer, 'affine', true));
    case 'group':
      assertOptions(layer, ['affine', 'eps', 'num_groups']);
      return groupNorm(material, name, value, layer);
    default:
      return refuseNetwork(`the normalisation ${layer.name}`);
  }
}

/** Activation by MONAI's name of it. @throws {InputError} E_IMPORT_NETWORK */
export function act({ builder, weights }: Material, name: string, value: Value, layer: Layer): Value {
  switch (layer.name.toLowerCase()) {
    case '':
      return value;
    case 'relu':
      assertOptions(layer, []);
      return builder.apply('Relu', [value], {});
    case 'leakyrelu':
      assertOptions(layer, ['negative_slope']);
      return builder.apply('LeakyRelu', [value], { alpha: optionOf(layer, 'negative_slope', DEFAULT_SLOPE) });
    case 'prelu': {
      assertOptions(layer, []);
      const channels = value.shape[1] as number;
      const size = weights.shapeOf(`${name}.weight`)?.[0] ?? 1;
      const slopes = weights.take(`${name}.weight`, [size === 1 ? 1 : channels]);
      const all = Float32Array.from({ length: channels }, (_, channel) => slopes[size === 1 ? 0 : channel] as number);
      const slope = perChannel(builder, builder.constant(tensor('float32', all, [channels])));
      return builder.apply('PRelu', [value, slope], {});
    }
    case 'sigmoid':
      assertOptions(layer, []);
      return builder.sigmoid(value);
    case 'tanh':
      assertOptions(layer, []);
      return builder.apply('Tanh', [value], {});
    default:
      return refuseNetwork(`the activation ${layer.name}`);
  }
}

/** What follows a convolution. */
export interface Following {
  readonly ordering: string;
  readonly norm: Layer;
  readonly act: Layer;
}

/** A convolution of MONAI; sizes in the network's own axes, one number for all. */
export interface BlockSettings {
  readonly channels: number;
  readonly kernel: number | readonly number[];
  readonly stride?: number | readonly number[];
  /** Zeros on each side; half of the kernel where not given. */
  readonly padding?: readonly number[];
  readonly bias: boolean;
  readonly isTransposed?: boolean;
  /** Nothing follows if not given. */
  readonly following?: Following;
}

/** MONAI's Convolution: `name.conv`, then `name.adn`. */
export function convolution(material: Material, name: string, input: Value, settings: BlockSettings): Value {
  const { space, builder } = material;
  const { channels, bias, following, isTransposed = false } = settings;
  const kernel = perAxis(settings.kernel, space.rank);
  const stride = toVolume(space, perAxis(settings.stride ?? 1, space.rank), 1) as Triple;
  if (settings.padding === undefined && kernel.some(taps => taps % 2 === 0)) refuseNetwork(`the kernel ${kernel}`);
  const padding = settings.padding ?? kernel.map(taps => (taps - 1) / 2);
  const pads = toVolume(space, padding, 0) as Triple;
  const all = { channels, kernel, stride, pads, bias };
  return builder.scope(name, () => {
    let value = (isTransposed ? transposedConv : conv)(material, `${name}.conv`, input, all);
    for (const letter of following?.ordering.toUpperCase() ?? '') {
      if (letter === 'N') value = norm(material, `${name}.adn.N`, value, (following as Following).norm);
      if (letter === 'A') value = act(material, `${name}.adn.A`, value, (following as Following).act);
    }
    return value;
  });
}
