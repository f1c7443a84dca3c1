/**
 * MONAI's UNet: strided convolutions or residual units on the way down, transposed convolutions on the way up, joined
 * behind the skip. Names are those of its nested modules. Source: monai/networks/nets/unet.py, version 1.6.1;
 * arXiv:1811.12506.
 */
import type { z } from 'zod';
import type { Value } from '../../graph/graph.ts';
import { conv, type Material } from '../networks/layers.ts';
import { toVolume } from '../networks/space.ts';
import { perAxis, refuseNetwork, type unetArguments } from './arguments.ts';
import { convolution, type Following } from './parts.ts';

type Arguments = z.output<typeof unetArguments>;

/** Builds the network; gives the logits. */
export function monaiUnet(net: Arguments, material: Material, image: Value): Value {
  const { builder } = material;
  const { channels, strides, kernel_size: kernel, up_kernel_size: upKernel, num_res_units: units, bias } = net;
  if (strides.length < channels.length - 1) refuseNetwork(`${channels.length} levels, but ${strides.length} stride(s)`);
  const following: Following = { ordering: net.adn_ordering, norm: net.norm, act: net.act };

  const residualUnit = (
    name: string,
    input: Value,
    out: number,
    options: { readonly stride: number | readonly number[]; readonly subunits: number; readonly isLast?: boolean },
  ): Value => {
    const { stride, subunits, isLast = false } = options;
    let value = input;
    for (let unit = 0; unit < subunits; unit++) {
      value = convolution(material, `${name}.conv.unit${unit}`, value, {
        channels: out,
        kernel,
        stride: unit === 0 ? stride : 1,
        bias,
        ...(!(isLast && unit === subunits - 1) && { following }),
      });
    }
    const isStrided = perAxis(stride, net.spatial_dims).some(step => step !== 1);
    if (!isStrided && input.shape[1] === out) return builder.add(value, input);
    const taps = perAxis(isStrided ? kernel : 1, net.spatial_dims);
    const residual = conv(material, `${name}.residual`, input, {
      channels: out,
      kernel: taps,
      stride: toVolume(material.space, perAxis(stride, net.spatial_dims), 1),
      bias,
    });
    return builder.add(value, residual);
  };

  const down = (name: string, input: Value, out: number, stride: number | readonly number[]): Value =>
    units > 0
      ? residualUnit(name, input, out, { stride, subunits: units })
      : convolution(material, name, input, { channels: out, kernel, stride, bias, following });

  const up = (name: string, input: Value, out: number, level: number): Value => {
    const isTop = level === 0;
    const stride = strides[level] as number | readonly number[];
    const settings = { channels: out, kernel: upKernel, stride, bias, isTransposed: true };
    if (units === 0) return convolution(material, name, input, { ...settings, ...(!isTop && { following }) });
    const wide = convolution(material, `${name}.0`, input, { ...settings, following });
    return residualUnit(`${name}.1`, wide, out, { stride: 1, subunits: 1, isLast: isTop });
  };

  /** The network from a level down; its result has `out` channels. */
  const below = (prefix: string, input: Value, level: number, out: number): Value => {
    const own = channels[level] as number;
    const skip = down(`${prefix}0`, input, own, strides[level] as number | readonly number[]);
    const inner = `${prefix}1.submodule`;
    const isDeepest = level === channels.length - 2;
    const deeper = isDeepest
      ? down(inner, skip, channels[level + 1] as number, 1)
      : below(`${inner}.`, skip, level + 1, own);
    return up(`${prefix}2`, builder.concat([skip, deeper], 1), out, level);
  };
  return below('', image, 0, net.out_channels);
}
