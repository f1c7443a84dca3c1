/**
 * The plain U-Net: per level a few convolutions, each followed by normalisation and leaky ReLU; max-pooling on the way
 * down, nearest upsampling and concatenation with the skip on the way up; a 1x1x1 convolution with bias gives the
 * logits. Kernels and poolings are per level and axis: a 1 leaves that axis unchanged, which makes a 2D network for
 * volumes of depth 1. Its named features are the results of each level: `encoder0` (finest) to the deepest encoder, and
 * `decoder0` (finest) upwards.
 * Source: arXiv:1606.06650 with the block of arXiv:1809.10486.
 */
import { type Axis, mapAxes } from '../core/axes.ts';
import type { Triple } from '../core/shape.ts';
import type { Value } from '../graph/graph.ts';
import { spatial } from '../graph/infer.ts';
import { type Geometry, outputSize } from './geometry.ts';
import {
  type Activation,
  activate,
  convolutionInParts,
  gainBefore,
  type LayerContext,
  type NetworkNormalization,
  normalize,
  sameConv,
} from './layers.ts';
import type { Network } from './parameters.ts';
import { pool, upsample } from './resize.ts';

export interface UnetOptions {
  /** Channels per level, finest first. */
  readonly features: readonly number[];
  /** Odd kernel per level, D, H, W; 3x3x3 at every level if not given. */
  readonly kernels?: readonly Triple[];
  /** Factors per level after the first, D, H, W; every axis is halved if not given. */
  readonly pooling?: readonly Triple[];
  readonly convolutionsPerLevel: number;
  /**
   * Form of all convolutions but the first: `full`, or in two parts, 1x1x1 over all channels and with the kernel in
   * groups of them (`separable`: every channel for itself). full if not given.
   */
  readonly convolution?: 'full' | 'separable' | 'grouped';
  /** Groups of a `grouped` convolution; must divide the channels of every level. */
  readonly groups?: number;
  readonly normalization: NetworkNormalization;
  /** Slope of the leaky ReLU below zero; 0 is a plain ReLU. */
  readonly negativeSlope: number;
  /** Number of logit channels. */
  readonly classes: number;
}

type Levels = readonly { readonly channels: number; readonly kernel: Triple; readonly pooling: Triple }[];

function levelsOf({ features, kernels, pooling }: Pick<UnetOptions, 'features' | 'kernels' | 'pooling'>): Levels {
  return features.map((channels, level) => ({
    channels,
    kernel: kernels?.[level] ?? [3, 3, 3],
    pooling: level === 0 ? [1, 1, 1] : (pooling?.[level - 1] ?? [2, 2, 2]),
  }));
}

/** Sizes of a plain U-Net: every pooling divides the size exactly, and the result is as large as the input. */
export function unetGeometry(
  options: Pick<UnetOptions, 'features' | 'kernels' | 'pooling' | 'convolutionsPerLevel'>,
): Geometry {
  const levels = levelsOf(options);
  const factorAt = (level: number, axis: Axis): number =>
    levels.slice(0, level + 1).reduce((factor, { pooling }) => factor * pooling[axis], 1);
  const fieldOfView = mapAxes(axis =>
    levels.reduce((sum, { kernel }, level) => {
      const convolutions = options.convolutionsPerLevel * (level === levels.length - 1 ? 1 : 2);
      return sum + convolutions * (kernel[axis] - 1) * factorAt(level, axis);
    }, 1),
  );
  return {
    fieldOfView,
    outputLength: (length, axis) => (length % factorAt(levels.length - 1, axis) === 0 ? length : undefined),
  };
}

/** Builds the plain U-Net. */
export function unet(options: UnetOptions): Network {
  const { convolutionsPerLevel, convolution = 'full', groups = 1, normalization, negativeSlope, classes } = options;
  const levels = levelsOf(options);
  const activation: Activation = negativeSlope === 0 ? { kind: 'relu' } : { kind: 'leaky-relu', negativeSlope };
  const gain = gainBefore(activation);
  return (builder, image, parameters) => {
    outputSize(unetGeometry(options), spatial(image.shape));
    const named = <T>(name: string, build: (context: LayerContext) => T): T =>
      builder.scope(name, () => build({ builder, parameters, name }));
    const block = (prefix: string, input: Value, { channels, kernel }: Levels[number]): Value => {
      let value = input;
      for (let index = 0; index < convolutionsPerLevel; index++) {
        const layer = { channels, kernel, gain, bias: normalization === 'none' };
        // the first convolution sees one or a few channels: nothing to separate
        const isFull = convolution === 'full' || value === image;
        value = named(`${prefix}.conv${index}`, context =>
          isFull
            ? sameConv(context, value, layer)
            : convolutionInParts(context, value, {
                ...layer,
                groups: convolution === 'separable' ? 'channel' : groups,
              }),
        );
        value = named(`${prefix}.norm${index}`, context =>
          activate(context, normalize(context, value, normalization), activation),
        );
      }
      return value;
    };

    const skips: Value[] = [];
    let value = image;
    levels.forEach((level, index) => {
      if (index > 0) {
        skips.push(value);
        value = named(`pool${index}`, () => pool(builder, value, level.pooling, 'max'));
      }
      value = block(`encoder${index}`, value, level);
      parameters.tap?.(`encoder${index}`, value);
    });
    for (const [index, skip] of [...skips.entries()].reverse()) {
      const { pooling } = levels[index + 1] as Levels[number];
      const joined = named(`join${index}`, context =>
        builder.concat([upsample(context, value, { factors: pooling, kind: 'copy', padding: 'same' }), skip], 1),
      );
      value = block(`decoder${index}`, joined, levels[index] as Levels[number]);
      parameters.tap?.(`decoder${index}`, value);
    }
    return named('head', context =>
      sameConv(context, value, { channels: classes, kernel: [1, 1, 1], gain: 1, bias: true }),
    );
  };
}
