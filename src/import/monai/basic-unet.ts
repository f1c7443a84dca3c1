/**
 * MONAI's BasicUNet: two convolutions per level, max-pooling, upsampling by transposed convolutions or by linear
 * interpolation between corners.
 * Source: monai/networks/nets/basic_unet.py, version 1.6.1.
 */
import type { z } from 'zod';
import { range } from '../../core/shape.ts';
import type { Value } from '../../graph/graph.ts';
import { conv, type Material, transposedConv } from '../networks/layers.ts';
import { toVolume } from '../networks/space.ts';
import { interpolateLinear } from '../networks/upsampling.ts';
import { type basicUnetArguments, perAxis } from './arguments.ts';
import { convolution, type Following } from './parts.ts';

type Arguments = z.output<typeof basicUnetArguments>;

const LEVELS = 4;

/** Builds the network; gives the logits. */
export function basicUnet(net: Arguments, material: Material, image: Value): Value {
  const { builder, space } = material;
  const { features, bias } = net;
  const following: Following = { ordering: 'NDA', norm: net.norm, act: net.act };
  const halves = toVolume(space, perAxis(2, space.rank), 1);
  const twoConvs = (name: string, input: Value, channels: number): Value =>
    range(2).reduce(
      (value, index) => convolution(material, `${name}.conv_${index}`, value, { channels, kernel: 3, bias, following }),
      input,
    );
  const widen = (name: string, input: Value, channels: number): Value => {
    if (net.upsample === 'deconv') {
      const kernel = perAxis(2, space.rank);
      const settings = { channels, kernel, stride: halves, bias: true };
      return transposedConv(material, `${name}.upsample.deconv`, input, settings);
    }
    const kernel = perAxis(1, space.rank);
    const narrow =
      input.shape[1] === channels
        ? input
        : conv(material, `${name}.upsample.preconv`, input, { channels, kernel, bias: true });
    return interpolateLinear(builder, narrow, halves, 'corners');
  };
  const skips = [twoConvs('conv_0', image, features[0] as number)];
  for (let level = 1; level <= LEVELS; level++) {
    const pooled = builder.apply('MaxPool', [skips.at(-1) as Value], { kernel: halves });
    skips.push(twoConvs(`down_${level}.convs`, pooled, features[level] as number));
  }
  let value = skips.pop() as Value;
  for (let level = LEVELS; level >= 1; level--) {
    const skip = skips.pop() as Value;
    const isTop = level === 1;
    const into = value.shape[1] as number;
    const wide = widen(`upcat_${level}`, value, isTop ? into : into >> 1);
    const channels = (isTop ? features[LEVELS + 1] : features[level - 1]) as number;
    value = twoConvs(`upcat_${level}.convs`, builder.concat([skip, wide], 1), channels);
  }
  return conv(material, 'final_conv', value, {
    channels: net.out_channels,
    kernel: perAxis(1, space.rank),
    bias: true,
  });
}
