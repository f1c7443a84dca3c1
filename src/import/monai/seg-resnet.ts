/**
 * MONAI's SegResNet: residual blocks that normalise first, strided convolutions down, upsampled sums up.
 * Source: monai/networks/nets/segresnet.py and blocks/segresnet_block.py, version 1.6.1; arXiv:1810.11654.
 */
import type { z } from 'zod';
import type { Value } from '../../graph/graph.ts';
import { type Material, transposedConv } from '../networks/layers.ts';
import { toVolume } from '../networks/space.ts';
import { interpolateLinear } from '../networks/upsampling.ts';
import { type Layer, perAxis, refuseNetwork, type segResNetArguments } from './arguments.ts';
import { act, convolution, norm } from './parts.ts';

type Arguments = z.output<typeof segResNetArguments>;

/** Builds the network; gives the logits. */
export function segResNet(net: Arguments, material: Material, image: Value): Value {
  const { builder, space } = material;
  const { init_filters: filters, blocks_down: down, blocks_up: up } = net;
  if (up.length !== down.length - 1) refuseNetwork(`${down.length} levels down and ${up.length} up`);
  const halves = toVolume(space, perAxis(2, space.rank), 1);
  const bare = (
    name: string,
    input: Value,
    channels: number,
    options: { kernel?: number; stride?: number; bias?: boolean } = {},
  ): Value => convolution(material, name, input, { channels, kernel: 3, bias: false, ...options });
  const normActivated = (name: string, actName: string, value: Value): Value =>
    act(material, actName, norm(material, name, value, net.norm as Layer), net.act);
  const block = (name: string, input: Value): Value => {
    const channels = input.shape[1] as number;
    const inner = bare(`${name}.conv1`, normActivated(`${name}.norm1`, `${name}.act`, input), channels);
    return builder.add(bare(`${name}.conv2`, normActivated(`${name}.norm2`, `${name}.act`, inner), channels), input);
  };

  const skips: Value[] = [];
  let value = bare('convInit', image, filters);
  down.forEach((blocks, level) => {
    if (level > 0) value = bare(`down_layers.${level}.0`, value, filters * 2 ** level, { stride: 2 });
    for (let index = 1; index <= blocks; index++) value = block(`down_layers.${level}.${index}`, value);
    skips.push(value);
  });
  skips.pop();
  up.forEach((blocks, step) => {
    const channels = filters * 2 ** (up.length - 1 - step);
    const narrow = bare(`up_samples.${step}.0`, value, channels, { kernel: 1 });
    const name = `up_samples.${step}.1.deconv`;
    const wide =
      net.upsample_mode === 'deconv'
        ? transposedConv(material, name, narrow, {
            channels,
            kernel: perAxis(2, space.rank),
            stride: halves,
            bias: true,
          })
        : interpolateLinear(builder, narrow, halves, 'centres');
    value = builder.add(wide, skips.pop() as Value);
    for (let index = 0; index < blocks; index++) value = block(`up_layers.${step}.${index}`, value);
  });
  const last = normActivated('conv_final.0', 'conv_final.1', value);
  return bare('conv_final.2', last, net.out_channels, { kernel: 1, bias: true });
}
