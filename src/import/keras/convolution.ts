/**
 * Convolutions of Keras, plain and transposed, with TensorFlow's paddings. Source:
 * keras/src/backend/common/backend_utils.py, version 3.15.
 */
import type { Triple } from '../../core/shape.ts';
import type { Value } from '../../graph/graph.ts';
import { spatial } from '../../graph/infer.ts';
import { activate } from './activations.ts';
import {
  AXES,
  assertChannelsLast,
  channelsOf,
  constant,
  type LayerCall,
  type LayerRule,
  numberOf,
  ONES,
  only,
  paddingOf,
  tripleOf,
  turned,
  vector,
} from './call.ts';

function withBias(call: LayerCall, x: Value): Value {
  const { settings, builder } = call;
  return settings['use_bias'] === false ? x : builder.add(x, vector(call, 'bias', channelsOf(x)));
}

/** Zeros that keep the size divided by the stride, the odd one after: TensorFlow's SAME. */
function samePads(size: Triple, reach: Triple, strides: Triple): readonly number[] {
  const total = AXES.map(axis =>
    Math.max(0, (Math.ceil(size[axis] / strides[axis]) - 1) * strides[axis] + reach[axis] - size[axis]),
  );
  const before = total.map(count => count >> 1);
  return [...before, ...total.map((count, axis) => count - (before[axis] as number))];
}

/** Conv3D. */
export const conv: LayerRule = call => {
  const { builder, take } = call;
  assertChannelsLast(call);
  const x = only(call);
  const kernel = tripleOf(call, 'kernel_size', ONES);
  const strides = tripleOf(call, 'strides', ONES);
  const dilations = tripleOf(call, 'dilation_rate', ONES);
  const group = numberOf(call, 'groups', 1);
  const filters = numberOf(call, 'filters');
  const reach = AXES.map(axis => dilations[axis] * (kernel[axis] - 1) + 1) as unknown as Triple;
  const pads = paddingOf(call) === 'same' ? samePads(spatial(x.shape), reach, strides) : new Array<number>(6).fill(0);
  const shape = [...kernel, channelsOf(x) / group, filters];
  const weights = turned(take('kernel', shape), shape, [4, 3, 0, 1, 2]);
  const result = builder.apply('Conv', [x, constant(call, weights.data, weights.shape)], {
    kernel,
    strides,
    dilations,
    pads: pads as unknown as readonly [number, number, number, number, number, number],
    group,
    upsample: ONES,
  });
  return activate(call, withBias(call, result));
};

/** Conv3DTranspose. */
export const convTranspose: LayerRule = call => {
  const { builder, take, settings, refuse } = call;
  assertChannelsLast(call);
  if (settings['output_padding'] !== null && settings['output_padding'] !== undefined) refuse('has output_padding');
  const x = only(call);
  const kernel = tripleOf(call, 'kernel_size', ONES);
  const strides = tripleOf(call, 'strides', ONES);
  const dilations = tripleOf(call, 'dilation_rate', ONES);
  const filters = numberOf(call, 'filters');
  const from = spatial(x.shape);
  const reach = AXES.map(axis => dilations[axis] * (kernel[axis] - 1) + 1) as unknown as Triple;
  const isSame = paddingOf(call) === 'same';
  const size = AXES.map(axis => from[axis] * strides[axis] + (isSame ? 0 : Math.max(0, reach[axis] - strides[axis])));
  const pads = isSame ? samePads(size as unknown as Triple, reach, strides) : new Array<number>(6).fill(0);
  const shape = [...kernel, filters, channelsOf(x)];
  const weights = turned(take('kernel', shape), shape, [4, 3, 0, 1, 2]);
  const result = builder.apply('ConvTranspose', [x, constant(call, weights.data, weights.shape)], {
    kernel,
    strides,
    dilations,
    pads: pads as unknown as readonly [number, number, number, number, number, number],
    group: 1,
    upsample: ONES,
    size: size as unknown as Triple,
  });
  return activate(call, withBias(call, result));
};
