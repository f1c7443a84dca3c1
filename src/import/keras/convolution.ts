/**
 * Convolutions of Keras, plain and transposed, with TensorFlow's paddings. Source:
 * keras/src/backend/common/backend_utils.py, version 3.15.
 */

import { mapAxes } from '../../core/axes.ts';
import { NO_PADS, reachOf, samePads } from '../../graph/convolution.ts';
import type { Value } from '../../graph/graph.ts';
import { spatial } from '../../graph/infer.ts';
import { activate } from './activations.ts';
import {
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
  const reach = reachOf(kernel, dilations);
  const pads = paddingOf(call) === 'same' ? samePads({ size: spatial(x.shape), reach, strides }, 'after') : NO_PADS;
  const shape = [...kernel, channelsOf(x) / group, filters];
  const weights = turned(take('kernel', shape), shape, [4, 3, 0, 1, 2]);
  const result = builder.apply('Conv', [x, constant(call, weights.data, weights.shape)], {
    kernel,
    strides,
    dilations,
    pads,
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
  const reach = reachOf(kernel, dilations);
  const isSame = paddingOf(call) === 'same';
  const size = mapAxes(axis => from[axis] * strides[axis] + (isSame ? 0 : Math.max(0, reach[axis] - strides[axis])));
  const pads = isSame ? samePads({ size, reach, strides }, 'after') : NO_PADS;
  const shape = [...kernel, filters, channelsOf(x)];
  const weights = turned(take('kernel', shape), shape, [4, 3, 0, 1, 2]);
  const result = builder.apply('ConvTranspose', [x, constant(call, weights.data, weights.shape)], {
    kernel,
    strides,
    dilations,
    pads,
    group: 1,
    upsample: ONES,
    size,
  });
  return activate(call, withBias(call, result));
};
