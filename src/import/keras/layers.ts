/**
 * Layers of Keras as nodes of the graph, on [N, C, D, H, W] where Keras has channels last: the first axis of space is D
 * here, whatever it was in training.
 * Source: keras/src/layers and keras/src/backend, version 3.15; every rule is tested against Keras's own results.
 */

import { AXES } from '../../core/axes.ts';
import { range, type Triple } from '../../core/shape.ts';
import type { GraphBuilder, Value } from '../../graph/graph.ts';
import { spatial } from '../../graph/infer.ts';
import { perChannel } from '../../graph/moments.ts';
import { linearUpsampling } from '../../nn/resize.ts';
import { ACTIVATIONS, activate, elu } from './activations.ts';
import {
  assertChannelAxis,
  assertChannelsLast,
  channelsOf,
  constant,
  type LayerCall,
  type LayerRule,
  numberOf,
  only,
  paddingOf,
  pairsOf,
  tripleOf,
  turned,
  vector,
} from './call.ts';
import { conv, convTranspose } from './convolution.ts';

const SPACE = [2, 3, 4];

/** gamma x + beta, as far as the layer has them. */
function scaled(call: LayerCall, x: Value): Value {
  const { builder, settings } = call;
  const channels = channelsOf(x);
  const larger = settings['scale'] === false ? x : builder.mul(x, vector(call, 'gamma', channels));
  return settings['center'] === false ? larger : builder.add(larger, vector(call, 'beta', channels));
}

const batchNormalization: LayerRule = call => {
  const { builder, settings, take } = call;
  assertChannelAxis(call);
  const x = only(call);
  const channels = channelsOf(x);
  const [mean, variance] = [take('moving_mean', [channels]), take('moving_variance', [channels])];
  const epsilon = numberOf(call, 'epsilon', 1e-3);
  const gamma = settings['scale'] === false ? undefined : take('gamma', [channels]);
  const beta = settings['center'] === false ? undefined : take('beta', [channels]);
  const factor = variance.map((value, index) => (gamma?.[index] ?? 1) / Math.sqrt(value + epsilon));
  const shift = mean.map((value, index) => (beta?.[index] ?? 0) - value * (factor[index] as number));
  const row = (data: Float32Array): Value => perChannel(builder, constant(call, data, [channels]));
  return builder.add(builder.mul(x, row(factor)), row(shift));
};

/** Normalises groups of channels, each over its channels and voxels; one channel each is instance normalisation. */
const groupNormalization =
  (defaultGroups: number): LayerRule =>
  call => {
    const { builder, settings, take, refuse } = call;
    assertChannelAxis(call);
    const x = only(call);
    const channels = channelsOf(x);
    const asked = numberOf(call, 'groups', defaultGroups);
    const groups = asked === -1 ? channels : asked;
    if (!(groups > 0) || channels % groups !== 0) refuse(`has ${asked} groups for ${channels} channels`);
    const epsilon = numberOf(call, 'epsilon', 1e-3);
    const fixed = (value: number, count: number): Value => constant(call, new Float32Array(count).fill(value), [count]);
    if (groups === channels) {
      const gamma =
        settings['scale'] === false ? fixed(1, channels) : constant(call, take('gamma', [channels]), [channels]);
      const beta =
        settings['center'] === false ? fixed(0, channels) : constant(call, take('beta', [channels]), [channels]);
      return builder.apply('InstanceNormalization', [x, gamma, beta], { epsilon });
    }
    const [batch = 1, , depth = 1, height = 1, width = 1] = x.shape;
    const grouped = builder.reshape(x, [batch, groups, (channels / groups) * depth, height, width]);
    const normalized = builder.apply('InstanceNormalization', [grouped, fixed(1, groups), fixed(0, groups)], {
      epsilon,
    });
    return scaled(call, builder.reshape(normalized, x.shape));
  };

const layerNormalization: LayerRule = call => {
  const { builder } = call;
  assertChannelAxis(call);
  if (call.settings['rms_scaling'] === true) call.refuse('has rms_scaling');
  const x = only(call);
  const centred = builder.sub(x, builder.mean(x, [1]));
  const variance = builder.mean(builder.mul(centred, centred), [1]);
  return scaled(call, builder.div(centred, builder.sqrt(builder.add(variance, numberOf(call, 'epsilon', 1e-3)))));
};

const leakyRelu: LayerRule = call => {
  const name = call.settings['negative_slope'] === undefined ? 'alpha' : 'negative_slope';
  return call.builder.apply('LeakyRelu', [only(call)], { alpha: numberOf(call, name, 0.3) });
};

const relu: LayerRule = call => {
  const { builder, settings } = call;
  if (numberOf(call, 'threshold', 0) !== 0) call.refuse('has a threshold');
  const x = only(call);
  const rising = builder.apply('LeakyRelu', [x], { alpha: numberOf(call, 'negative_slope', 0) });
  return settings['max_value'] === null || settings['max_value'] === undefined
    ? rising
    : builder.min(rising, numberOf(call, 'max_value'));
};

const prelu: LayerRule = call => {
  const { builder, settings, take, refuse } = call;
  const x = only(call);
  const shared = settings['shared_axes'] ?? [];
  if (!Array.isArray(shared)) refuse('has no list of shared_axes');
  const shape = [...spatial(x.shape), channelsOf(x)].map((size, axis) =>
    (shared as unknown[]).includes(axis + 1) ? 1 : size,
  );
  const slopes = turned(take('alpha', shape), shape, [3, 0, 1, 2]);
  return builder.apply('PRelu', [x, constant(call, slopes.data, [1, ...slopes.shape])], {});
};

/** The part of an image from one voxel on, as long as asked. */
function window(
  builder: GraphBuilder,
  x: Value,
  axis: number,
  { from, length }: { from: number; length: number },
): Value {
  return builder.slice(x, axis, from, from + length);
}

/** Windows of stride 1, axis by axis. */
function slidingPool(builder: GraphBuilder, op: 'MaxPool' | 'AveragePool', x: Value, kernel: Triple): Value {
  return AXES.reduce((image, axis) => {
    const taps = kernel[axis];
    if (taps === 1) return image;
    const length = (image.shape[axis + 2] as number) - taps + 1;
    const parts = range(taps).map(from => window(builder, image, axis + 2, { from, length }));
    const joined = parts.reduce(op === 'MaxPool' ? builder.max : builder.add);
    return op === 'MaxPool' ? joined : builder.mul(joined, 1 / taps);
  }, x);
}

const pool =
  (op: 'MaxPool' | 'AveragePool'): LayerRule =>
  call => {
    const { builder, refuse } = call;
    assertChannelsLast(call);
    const x = only(call);
    const kernel = tripleOf(call, 'pool_size', [2, 2, 2]);
    const strides = tripleOf(call, 'strides', kernel);
    const size = spatial(x.shape);
    const isSame = paddingOf(call) === 'same';
    if (
      strides.every(stride => stride === 1) &&
      !isSame &&
      size.every((length, axis) => length >= kernel[axis as 0 | 1 | 2])
    ) {
      return slidingPool(builder, op, x, kernel);
    }
    if (String(kernel) !== String(strides)) refuse(`pools windows of ${kernel} in steps of ${strides}`);
    const divides = AXES.every(axis => size[axis] % kernel[axis] === 0);
    if (isSame && !divides) refuse(`pools ${size.join('x')} voxels by ${kernel} with padding same`);
    // an incomplete window at the end is dropped
    const whole = AXES.reduce(
      (image, axis) => window(builder, image, axis + 2, { from: 0, length: size[axis] - (size[axis] % kernel[axis]) }),
      x,
    );
    return builder.apply(op, [whole], { kernel });
  };

const upsample: LayerRule = call => {
  assertChannelsLast(call);
  const { interpolation = 'nearest' } = call.settings;
  const factors = tripleOf(call, 'size', [2, 2, 2]);
  // of planes; TensorFlow takes the centres of voxels, and the edge beyond the outermost ones
  if (interpolation === 'bilinear') return linearUpsampling(call.builder, only(call), { factors, padding: 'same' });
  if (interpolation !== 'nearest')
    call.refuse(`interpolates by ${String(interpolation)}; nearest and bilinear are known`);
  return call.builder.apply('Resize', [only(call)], { scales: factors });
};

const crop: LayerRule = call => {
  assertChannelsLast(call);
  return pairsOf(call, 'cropping').reduce((image, [before, after], axis) => {
    const length = (image.shape[axis + 2] as number) - before - after;
    return length > 0 ? window(call.builder, image, axis + 2, { from: before, length }) : call.refuse('leaves nothing');
  }, only(call));
};

const zeroPad: LayerRule = call => {
  assertChannelsLast(call);
  const pairs = pairsOf(call, 'padding');
  return call.builder.pad(only(call), [
    0,
    0,
    ...pairs.map(([before]) => before),
    0,
    0,
    ...pairs.map(([, after]) => after),
  ]);
};

const concatenate: LayerRule = ({ builder, inputs, settings, refuse }) => {
  const { axis = -1 } = settings;
  // samples, three of space, channels
  const place = [0, 2, 3, 4, 1].at(typeof axis === 'number' ? axis : Number.NaN);
  return place === undefined ? refuse(`joins along axis ${JSON.stringify(axis)}`) : builder.concat(inputs, place);
};

const merge =
  (join: (builder: GraphBuilder) => (left: Value, right: Value) => Value): LayerRule =>
  ({ builder, inputs, refuse }) =>
    inputs.length > 0 ? inputs.reduce(join(builder)) : refuse('reads nothing');

const globalAverage: LayerRule = call => {
  assertChannelsLast(call);
  if (call.settings['keepdims'] !== true) call.refuse('drops the axes of space (keepdims is false)');
  return call.builder.mean(only(call), SPACE);
};

/** Layers that act only in training. */
const nothing: LayerRule = call => only(call);

/** All supported layers by class. */
export const LAYER_RULES: Readonly<Record<string, LayerRule>> = {
  Conv3D: conv,
  Conv3DTranspose: convTranspose,
  BatchNormalization: batchNormalization,
  GroupNormalization: groupNormalization(32),
  'Addons>GroupNormalization': groupNormalization(2),
  'Addons>InstanceNormalization': groupNormalization(-1),
  LayerNormalization: layerNormalization,
  Activation: call => activate(call, only(call)),
  LeakyReLU: leakyRelu,
  ReLU: relu,
  PReLU: prelu,
  ELU: call => elu(call.builder, only(call), numberOf(call, 'alpha', 1)),
  Softmax: call => {
    assertChannelAxis(call);
    return (ACTIVATIONS['softmax'] as (typeof ACTIVATIONS)[string])(call.builder, only(call));
  },
  MaxPooling3D: pool('MaxPool'),
  AveragePooling3D: pool('AveragePool'),
  GlobalAveragePooling3D: globalAverage,
  UpSampling3D: upsample,
  Cropping3D: crop,
  ZeroPadding3D: zeroPad,
  Concatenate: concatenate,
  Add: merge(builder => builder.add),
  Subtract: merge(builder => builder.sub),
  Multiply: merge(builder => builder.mul),
  Maximum: merge(builder => builder.max),
  Minimum: merge(builder => builder.min),
  Average: call => call.builder.mul(merge(builder => builder.add)(call), 1 / call.inputs.length),
  Dropout: nothing,
  SpatialDropout3D: nothing,
  AlphaDropout: nothing,
  GaussianDropout: nothing,
  GaussianNoise: nothing,
  Identity: nothing,
};
