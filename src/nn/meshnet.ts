/**
 * MeshNet: a chain of dilated convolutions at full resolution, each followed by normalisation, activation and dropout
 * of whole feature maps; a 1x1x1 convolution with bias gives the logits. It has no pooling, so every size is legal, and
 * few parameters have a large field of view. Its named features are the results of the layers, `layer0` first.
 * Source: arXiv:1612.00940; the dilations 1 to 16 and back are those of Brainchop's browser models
 * (doi:10.21105/joss.05098).
 */
import { mapAxes } from '../core/axes.ts';
import type { Triple } from '../core/shape.ts';
import { dropout } from './dropout.ts';
import type { Geometry } from './geometry.ts';
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

export interface MeshnetOptions {
  /** Channels per dilated convolution. */
  readonly features: readonly number[];
  /** Distance of neighbouring taps per dilated convolution, voxels. */
  readonly dilations: readonly number[];
  /** Odd kernel of the dilated convolutions, D, H, W. */
  readonly kernel: Triple;
  readonly normalization: NetworkNormalization;
  readonly activation: Activation;
  /** Fraction of the feature maps that is dropped after each activation. */
  readonly dropout: number;
  /** Number of logit channels. */
  readonly classes: number;
}

/** Sizes of a MeshNet: any size is legal, and the result is as large as the input. */
export function meshnetGeometry({ dilations, kernel }: Pick<MeshnetOptions, 'dilations' | 'kernel'>): Geometry {
  const distance = dilations.reduce((sum, dilation) => sum + dilation, 0);
  return {
    fieldOfView: mapAxes(axis => 1 + (kernel[axis] - 1) * distance),
    outputLength: length => length,
  };
}

/** Builds a MeshNet. */
export function meshnet(options: MeshnetOptions): Network {
  const { features, dilations, kernel, normalization, activation, classes } = options;
  const gain = gainBefore(activation);
  return (builder, image, parameters) => {
    const named = <T>(name: string, build: (context: LayerContext) => T): T =>
      builder.scope(name, () => build({ builder, parameters, name }));
    let value = image;
    features.forEach((channels, index) => {
      const dilation = dilations[index] as number;
      value = named(`layer${index}.conv`, context =>
        sameConv(context, value, { channels, kernel, dilation, gain, bias: normalization === 'none' }),
      );
      value = named(`layer${index}.norm`, context =>
        activate(context, normalize(context, value, normalization), activation),
      );
      value = named(`layer${index}.dropout`, context =>
        dropout(context, value, { rate: options.dropout, unit: 'feature map' }),
      );
      parameters.tap?.(`layer${index}`, value);
    });
    return named('head', context =>
      sameConv(context, value, { channels: classes, kernel: [1, 1, 1], gain: 1, bias: true }),
    );
  };
}
