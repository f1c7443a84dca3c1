/** Layers with the numbers of a trained model, as PyTorch computes them, as nodes of the graph. */

import { mapAxes } from '../../core/axes.ts';
import { elementCount, type Triple } from '../../core/shape.ts';
import { tensor } from '../../core/tensor.ts';
import type { GraphBuilder, Value } from '../../graph/graph.ts';
import { spatial } from '../../graph/infer.ts';
import { perChannel } from '../../graph/moments.ts';
import type { Weights } from '../weights.ts';
import { kernelToVolume, type Space } from './space.ts';

/** What layers are built from. */
export interface Material {
  readonly builder: GraphBuilder;
  readonly weights: Weights;
  readonly space: Space;
}

/** A convolution of [D, H, W] kernels. */
export interface ConvSettings {
  /** Channels that come out. */
  readonly channels: number;
  /** In the network's own axes. */
  readonly kernel: readonly number[];
  /** D, H, W. */
  readonly stride?: Triple;
  /** Zeros on each side, D, H, W; as many as keep the size at stride 1 where not given. */
  readonly pads?: Triple;
  readonly bias: boolean;
}

const ONES: Triple = [1, 1, 1];
const NO_PADS = [0, 0, 0, 0, 0, 0] as const;

function constant({ builder }: Material, data: Float32Array, shape: readonly number[]): Value {
  return builder.constant(tensor('float32', data, shape));
}

/** A vector of one number per channel. */
export function vector(material: Material, name: string, size: number): Value {
  return constant(material, material.weights.take(name, [size]), [size]);
}

function withBias(material: Material, value: Value, name: string | undefined): Value {
  if (name === undefined) return value;
  return material.builder.add(value, perChannel(material.builder, vector(material, name, value.shape[1] as number)));
}

/** Convolution with the kernel `name.weight` [Co, Ci, ...] and, where it has one, the bias `name.bias` [Co]. */
export function conv(material: Material, name: string, input: Value, settings: ConvSettings): Value {
  const { builder, weights, space } = material;
  const { channels, kernel, stride = ONES, bias } = settings;
  const shape = [channels, input.shape[1] as number, ...kernel];
  const turned = kernelToVolume(space, weights.take(`${name}.weight`, shape), shape);
  const taps = spatial(turned.shape);
  const [d, h, w] = settings.pads ?? mapAxes(axis => (taps[axis] - 1) >> 1);
  const result = builder.apply('Conv', [input, constant(material, turned.data, turned.shape)], {
    kernel: taps,
    strides: stride,
    dilations: ONES,
    pads: [d, h, w, d, h, w],
    group: 1,
    upsample: ONES,
  });
  return withBias(material, result, bias ? `${name}.bias` : undefined);
}

/** A transposed convolution without a stride: a convolution with its kernel [Ci, Co, kD, kH, kW] reversed. */
function reversedConv(
  material: Material,
  input: Value,
  { data, shape }: ReturnType<typeof kernelToVolume>,
  pads: Triple,
): Value {
  const [into = 1, out = 1] = shape;
  const kernel = spatial(shape);
  const taps = elementCount(kernel);
  const reversed = new Float32Array(data.length);
  for (let i = 0, from = 0; i < into; i++) {
    for (let o = 0; o < out; o++) {
      const last = (o * into + i) * taps + taps - 1;
      for (let tap = 0; tap < taps; tap++) reversed[last - tap] = data[from++]!;
    }
  }
  const [d, h, w] = mapAxes(axis => kernel[axis] - 1 - pads[axis]);
  return material.builder.apply('Conv', [input, constant(material, reversed, [out, into, ...kernel])], {
    kernel,
    strides: ONES,
    dilations: ONES,
    pads: [d, h, w, d, h, w],
    group: 1,
    upsample: ONES,
  });
}

/** Settings of a transposed convolution. */
export interface TransposedConvSettings extends Omit<ConvSettings, 'pads'> {
  /** Cut away on each side, D, H, W. */
  readonly pads?: Triple;
}

/**
 * Transposed convolution with the kernel `name.weight` [Ci, Co, ...] and, where it has one, the bias `name.bias` [Co].
 */
export function transposedConv(
  material: Material,
  name: string,
  input: Value,
  settings: TransposedConvSettings,
): Value {
  const { builder, weights, space } = material;
  const { channels, kernel, stride = ONES, bias, pads } = settings;
  const shape = [input.shape[1] as number, channels, ...kernel];
  const turned = kernelToVolume(space, weights.take(`${name}.weight`, shape), shape);
  if (stride.every(step => step === 1)) {
    const value = reversedConv(material, input, turned, pads ?? [0, 0, 0]);
    return withBias(material, value, bias ? `${name}.bias` : undefined);
  }
  const from = spatial(input.shape);
  const size = mapAxes(axis => from[axis] * stride[axis]);
  const cut = pads === undefined ? NO_PADS : ([pads[0], pads[1], pads[2], pads[0], pads[1], pads[2]] as const);
  const result = builder.apply('ConvTranspose', [input, constant(material, turned.data, turned.shape)], {
    kernel: spatial(turned.shape),
    strides: stride,
    dilations: ONES,
    pads: cut,
    group: 1,
    upsample: ONES,
    size,
  });
  return withBias(material, result, bias ? `${name}.bias` : undefined);
}

/**
 * Instance normalisation by the variance of the voxels; scale and bias are `name.weight` and `name.bias`, or 1 and 0.
 */
export function instanceNorm(
  material: Material,
  name: string,
  input: Value,
  { epsilon, affine }: { readonly epsilon: number; readonly affine: boolean },
): Value {
  const channels = input.shape[1] as number;
  const fixed = (value: number): Value => constant(material, new Float32Array(channels).fill(value), [channels]);
  const scale = affine ? vector(material, `${name}.weight`, channels) : fixed(1);
  const bias = affine ? vector(material, `${name}.bias`, channels) : fixed(0);
  return material.builder.apply('InstanceNormalization', [input, scale, bias], { epsilon });
}
