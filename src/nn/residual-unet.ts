/**
 * The residual encoder U-Net of nnU-Net (ResEnc): a convolution as stem, levels of residual blocks whose first block
 * halves the grid by a strided convolution, and a decoder of plain convolutions that goes up by transposed
 * convolutions. Every convolution is followed by normalisation and leaky ReLU, in a block the second one after the sum
 * with the shortcut. The shortcut is the identity, an average pooling where the grid changes, and a 1x1x1 convolution
 * with normalisation where the channels change. Kernels and strides are per level and axis: a 1 leaves that axis
 * unchanged, which makes a 2D network for volumes of depth 1. Its named features are the results of each level:
 * `encoder0` (finest) to the deepest encoder, and `decoder0` (finest) upwards.
 * Source: arXiv:2404.09556; blocks: ResNet-D, arXiv:1812.01187; details and initial values: ResidualEncoderUNet of
 * dynamic_network_architectures 0.4.4, except that convolutions before a normalisation have no bias, which it would
 * cancel.
 */
import { type Axis, mapAxes } from '../core/axes.ts';
import type { Triple } from '../core/shape.ts';
import type { Value } from '../graph/graph.ts';
import { spatial } from '../graph/infer.ts';
import { type Geometry, outputSize } from './geometry.ts';
import {
  type Activation,
  activate,
  gainBefore,
  type LayerContext,
  type NetworkNormalization,
  normalize,
  sameConv,
} from './layers.ts';
import type { Network } from './parameters.ts';
import { pool, transposedConv } from './resize.ts';

export interface ResidualUnetOptions {
  /** Channels per level, finest first. */
  readonly features: readonly number[];
  /** Odd kernel per level, D, H, W. */
  readonly kernels: readonly Triple[];
  /** Factors per level after the first, D, H, W, none larger than the kernel of its level. */
  readonly strides: readonly Triple[];
  /** Residual blocks per level, each of two convolutions. */
  readonly blocks: readonly number[];
  /** Convolutions of the decoder per level but the deepest, finest first. */
  readonly decoderConvolutions: readonly number[];
  readonly normalization: NetworkNormalization;
  /** Slope of the leaky ReLU below zero; 0 is a plain ReLU. */
  readonly negativeSlope: number;
  /** Number of logit channels. */
  readonly classes: number;
}

type Sized = Pick<ResidualUnetOptions, 'kernels' | 'strides' | 'blocks' | 'decoderConvolutions'>;

const ONES: Triple = [1, 1, 1];

/** Sizes of a residual encoder U-Net: every stride divides the size, and the result is as large as the input. */
export function residualUnetGeometry({ kernels, strides, blocks, decoderConvolutions }: Sized): Geometry {
  const factorAt = (level: number, axis: Axis): number =>
    strides.slice(0, level).reduce((factor, stride) => factor * stride[axis], 1);
  const fieldOfView = mapAxes(axis =>
    kernels.reduce(
      (sum, kernel, level) => {
        const reach = kernel[axis] - 1;
        const own = 2 * (blocks[level] as number) - 1 + (decoderConvolutions[level] ?? 0);
        // the strided convolution of a level still lies on the grid of the finer one
        return sum + reach * (factorAt(Math.max(0, level - 1), axis) + own * factorAt(level, axis));
      },
      1 + (kernels[0] as Triple)[axis] - 1,
    ),
  );
  return {
    fieldOfView,
    outputLength: (length, axis) => (length % factorAt(strides.length, axis) === 0 ? length : undefined),
  };
}

/** Builds the residual encoder U-Net. */
export function residualUnet(options: ResidualUnetOptions): Network {
  const { features, kernels, strides, blocks, decoderConvolutions, normalization, negativeSlope, classes } = options;
  const geometry = residualUnetGeometry(options);
  const activation: Activation = negativeSlope === 0 ? { kind: 'relu' } : { kind: 'leaky-relu', negativeSlope };
  const gain = gainBefore(activation);
  const bias = normalization === 'none';
  return (builder, image, parameters) => {
    outputSize(geometry, spatial(image.shape));
    const named = <T>(name: string, build: (context: LayerContext) => T): T =>
      builder.scope(name, () => build({ builder, parameters, name }));
    const convolved = (
      name: string,
      input: Value,
      layer: { readonly channels: number; readonly kernel: Triple; readonly stride?: Triple },
    ): Value => named(name, context => sameConv(context, input, { ...layer, gain, bias }));
    const activated = (name: string, input: Value): Value =>
      named(name, context => activate(context, normalize(context, input, normalization), activation));

    const shortcut = (name: string, input: Value, channels: number, stride: Triple): Value => {
      const pooled = named(`${name}.pool`, () => pool(builder, input, stride, 'average'));
      if (input.shape[1] === channels) return pooled;
      const projected = named(`${name}.conv`, context =>
        sameConv(context, pooled, { channels, kernel: ONES, gain, bias }),
      );
      return named(`${name}.norm`, context => normalize(context, projected, normalization));
    };
    const block = (name: string, input: Value, level: number, stride: Triple): Value => {
      const [channels, kernel] = [features[level] as number, kernels[level] as Triple];
      const inner = activated(`${name}.norm0`, convolved(`${name}.conv0`, input, { channels, kernel, stride }));
      const outer = convolved(`${name}.conv1`, inner, { channels, kernel });
      // a scale of 0 makes every block a plain shortcut at the start
      const normal = named(`${name}.norm1`, context => normalize(context, outer, normalization, { scale: 0 }));
      const beside = shortcut(`${name}.skip`, input, channels, stride);
      return named(`${name}.sum`, context => activate(context, builder.add(normal, beside), activation));
    };

    const stem = { channels: features[0] as number, kernel: kernels[0] as Triple };
    let value = activated('stem.norm', convolved('stem.conv', image, stem));
    const skips = features.map((_, level) => {
      for (let index = 0; index < (blocks[level] as number); index++) {
        const stride = level > 0 && index === 0 ? (strides[level - 1] as Triple) : ONES;
        value = block(`encoder${level}.block${index}`, value, level, stride);
      }
      parameters.tap?.(`encoder${level}`, value);
      return value;
    });
    for (const [level, skip] of [...skips.slice(0, -1).entries()].reverse()) {
      const [channels, kernel] = [features[level] as number, kernels[level] as Triple];
      const below = value;
      const wide = named(`up${level}`, context =>
        transposedConv(context, below, { channels, factors: strides[level] as Triple, gain }),
      );
      value = named(`join${level}`, () => builder.concat([wide, skip], 1));
      for (let index = 0; index < (decoderConvolutions[level] as number); index++) {
        const name = `decoder${level}`;
        value = activated(`${name}.norm${index}`, convolved(`${name}.conv${index}`, value, { channels, kernel }));
      }
      parameters.tap?.(`decoder${level}`, value);
    }
    return named('head', context => sameConv(context, value, { channels: classes, kernel: ONES, gain, bias: true }));
  };
}
