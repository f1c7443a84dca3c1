/**
 * nnU-Net's two U-Nets with their trained numbers: the plain one and the one with residual blocks in its encoder. A
 * convolution is followed by instance normalisation and leaky ReLU; a stage starts with a strided convolution; the
 * decoder goes up by transposed convolutions whose kernel is the stride, joined in front of the skip. Heads of deep
 * supervision are left out.
 * Source: dynamic_network_architectures 0.4.4, architectures/unet.py and building_blocks; residual block: ResNet-D,
 * arXiv:1812.01187.
 */
import type { Triple } from '../../core/shape.ts';
import type { Value } from '../../graph/graph.ts';
import { conv, instanceNorm, type Material, transposedConv } from './layers.ts';
import { toVolume } from './space.ts';

/** A U-Net of any plan. Sizes are in the network's own axes. */
export interface DynamicUnet {
  readonly encoder: 'plain' | 'residual';
  /** Channels per stage, finest first. */
  readonly features: readonly number[];
  readonly kernels: readonly (readonly number[])[];
  readonly strides: readonly (readonly number[])[];
  /** Convolutions, or residual blocks, of each stage of the encoder. */
  readonly depth: readonly number[];
  /** Convolutions of each stage of the decoder, coarsest first. */
  readonly decoderDepth: readonly number[];
  readonly stemChannels?: number;
  readonly bias: boolean;
  /** Absent where nothing is normalised. */
  readonly norm?: { readonly epsilon: number; readonly affine: boolean };
  readonly negativeSlope: number;
  readonly classes: number;
}

/** What a block adds to: its channels, kernel and stride. */
interface BlockSettings {
  readonly channels: number;
  readonly kernel: readonly number[];
  readonly stride: Triple;
}

const ONES: Triple = [1, 1, 1];

/** Names under which the file repeats what it has elsewhere, and heads that nobody asks. */
export function isRepeatedName(name: string): boolean {
  return /\.all_modules\./.test(name) || name.startsWith('decoder.encoder.') || name.startsWith('decoder.seg_layers.');
}

/** Builds the network over an image; gives the logits. */
export function dynamicUnet(net: DynamicUnet, material: Material, image: Value): Value {
  const { builder, space } = material;
  const ones = space.rank === 2 ? [1, 1] : [1, 1, 1];
  const activate = (value: Value): Value => builder.apply('LeakyRelu', [value], { alpha: net.negativeSlope });
  const normalized = (name: string, value: Value): Value =>
    net.norm === undefined ? value : instanceNorm(material, name, value, net.norm);
  const convolved = (name: string, input: Value, settings: BlockSettings & { readonly bias?: boolean }): Value =>
    builder.scope(name, () =>
      normalized(`${name}.norm`, conv(material, `${name}.conv`, input, { bias: net.bias, ...settings })),
    );
  const plainBlock = (name: string, input: Value, settings: BlockSettings): Value =>
    activate(convolved(name, input, settings));

  const residualBlock = (name: string, input: Value, settings: BlockSettings): Value => {
    const { channels, stride } = settings;
    const inner = plainBlock(`${name}.conv1`, input, settings);
    const outer = convolved(`${name}.conv2`, inner, { ...settings, stride: ONES });
    const isStrided = stride.some(step => step !== 1);
    let skip = isStrided ? builder.apply('AveragePool', [input], { kernel: stride }) : input;
    if (input.shape[1] !== channels) {
      const projection = { channels, kernel: ones, stride: ONES, bias: false };
      skip = convolved(`${name}.skip.${isStrided ? 1 : 0}`, skip, projection);
    }
    return activate(builder.add(outer, skip));
  };

  const strides = net.strides.map(stride => toVolume(space, stride, 1));
  const skips: Value[] = [];
  let value = image;
  if (net.encoder === 'residual') {
    const channels = net.stemChannels ?? (net.features[0] as number);
    value = plainBlock('encoder.stem.convs.0', value, {
      channels,
      kernel: net.kernels[0] as readonly number[],
      stride: ONES,
    });
  }
  net.features.forEach((channels, stage) => {
    for (let index = 0; index < (net.depth[stage] as number); index++) {
      const settings: BlockSettings = {
        channels,
        kernel: net.kernels[stage] as readonly number[],
        stride: index === 0 ? (strides[stage] as Triple) : ONES,
      };
      value =
        net.encoder === 'plain'
          ? plainBlock(`encoder.stages.${stage}.0.convs.${index}`, value, settings)
          : residualBlock(`encoder.stages.${stage}.blocks.${index}`, value, settings);
    }
    skips.push(value);
  });
  const last = net.features.length - 1;
  for (let step = 0; step < last; step++) {
    const stage = last - 1 - step;
    const [channels, stride] = [net.features[stage] as number, strides[stage + 1] as Triple];
    const name = `decoder.transpconvs.${step}`;
    const kernel = net.strides[stage + 1] as readonly number[];
    const input = value;
    const wide = builder.scope(name, () =>
      transposedConv(material, name, input, { channels, kernel, stride, bias: net.bias }),
    );
    value = builder.concat([wide, skips[stage] as Value], 1);
    for (let index = 0; index < (net.decoderDepth[step] as number); index++) {
      const settings = { channels, kernel: net.kernels[stage] as readonly number[], stride: ONES };
      value = plainBlock(`decoder.stages.${step}.convs.${index}`, value, settings);
    }
  }
  const head = `decoder.seg_layers.${last - 1}`;
  return builder.scope(head, () =>
    conv(material, head, value, { channels: net.classes, kernel: ones, stride: ONES, bias: true }),
  );
}
