/**
 * MONAI's DynUNet: nnU-Net's network in other words, with residual blocks if wanted. Heads of deep supervision are left
 * out.
 * Source: monai/networks/nets/dynunet.py and blocks/dynunet_block.py, version 1.6.1.
 */
import type { z } from 'zod';
import type { Value } from '../../graph/graph.ts';
import type { Material } from '../networks/layers.ts';
import { type dynUnetArguments, perAxis, refuseNetwork } from './arguments.ts';
import { act, convolution, norm } from './parts.ts';

type Arguments = z.output<typeof dynUnetArguments>;
type Sizes = number | readonly number[];

const FIRST_FILTERS = 32;
const MOST_FILTERS = { 2: 512, 3: 320 } as const;

/** Whether a name is a repeated entry of the file or belongs to an unused head. */
export function isRepeatedDynUnetName(name: string): boolean {
  return name.startsWith('skip_layers.') || name.startsWith('deep_supervision_heads.');
}

/** Builds the network; gives the logits. */
export function dynUnet(net: Arguments, material: Material, image: Value): Value {
  const { builder } = material;
  const { kernel_size: kernels, strides, upsample_kernel_size: upKernels, spatial_dims: rank } = net;
  const filters = (
    net.filters ?? strides.map((_, level) => Math.min(FIRST_FILTERS * 2 ** level, MOST_FILTERS[rank]))
  ).slice(0, strides.length);
  if (kernels.length !== strides.length || upKernels.length !== strides.length - 1 || filters.length < strides.length) {
    refuseNetwork(
      `${kernels.length} kernels, ${strides.length} strides, ${upKernels.length} upsample kernels, ${filters.length} filters`,
    );
  }
  if (perAxis(strides[0] as Sizes, rank).some(step => step !== 1))
    refuseNetwork('an output that is coarser than its input');
  const paddingOf = (kernel: Sizes, stride: Sizes): number[] => {
    const steps = perAxis(stride, rank);
    return perAxis(kernel, rank).map((taps, axis) => {
      const padding = Math.floor((taps - (steps[axis] as number) + 1) / 2);
      return padding < 0 ? refuseNetwork(`a kernel of ${taps} with a stride of ${steps[axis]}`) : padding;
    });
  };
  const normalized = (name: string, value: Value): Value => norm(material, name, value, net.norm_name);
  const activated = (name: string, value: Value): Value => act(material, `${name}.lrelu`, value, net.act_name);
  const bare = (name: string, input: Value, channels: number, kernel: Sizes, stride: Sizes): Value =>
    convolution(material, name, input, { channels, kernel, stride, padding: paddingOf(kernel, stride), bias: false });

  const block = (
    name: string,
    input: Value,
    channels: number,
    kernel: Sizes,
    stride: Sizes,
    isResidual: boolean,
  ): Value => {
    const inner = activated(name, normalized(`${name}.norm1`, bare(`${name}.conv1`, input, channels, kernel, stride)));
    const outer = normalized(`${name}.norm2`, bare(`${name}.conv2`, inner, channels, kernel, 1));
    if (!isResidual) return activated(name, outer);
    const isSame = input.shape[1] === channels && perAxis(stride, rank).every(step => step === 1);
    const residual = isSame ? input : normalized(`${name}.norm3`, bare(`${name}.conv3`, input, channels, 1, stride));
    return activated(name, builder.add(outer, residual));
  };

  const last = strides.length - 1;
  const skips: Value[] = [];
  let value = image;
  for (let level = 0; level <= last; level++) {
    const name = level === 0 ? 'input_block' : level === last ? 'bottleneck' : `downsamples.${level - 1}`;
    value = block(
      name,
      value,
      filters[level] as number,
      kernels[level] as Sizes,
      strides[level] as Sizes,
      net.res_block,
    );
    skips.push(value);
  }
  for (let level = last - 1; level >= 0; level--) {
    const name = `upsamples.${last - 1 - level}`;
    const [channels, up] = [filters[level] as number, upKernels[level] as Sizes];
    const wide = convolution(material, `${name}.transp_conv`, value, {
      channels,
      kernel: up,
      stride: up,
      padding: paddingOf(up, up),
      bias: net.trans_bias,
      isTransposed: true,
    });
    const joined = builder.concat([wide, skips[level] as Value], 1);
    value = block(`${name}.conv_block`, joined, channels, kernels[level + 1] as Sizes, 1, false);
  }
  return convolution(material, 'output_block.conv', value, { channels: net.out_channels, kernel: 1, bias: true });
}
