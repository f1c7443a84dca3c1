/**
 * DeepMedic: parallel pathways see the image at different odd subsample factors; their results are upsampled to full
 * resolution and concatenated, and a head of convolutions with dropout follows. Convolutions are followed by
 * normalisation and activation. Under valid padding a fine pathway needs less of the patch than a coarse one, so it
 * reads only the middle of it.
 * Source: arXiv:1603.05959, with the parameters of deepvoxnet2's generalization. The coarse pathways read means, not
 * every n-th voxel. Its named features are the results of the pathways at their own resolution, `pathway0` first.
 */
import { type Axis, mapAxes } from '../core/axes.ts';
import type { Triple } from '../core/shape.ts';
import type { Value } from '../graph/graph.ts';
import { spatial } from '../graph/infer.ts';
import { dropout } from './dropout.ts';
import { type Geometry, outputSize, type Padding, reach } from './geometry.ts';
import { type HeadOptions, headLayers } from './head.ts';
import {
  type Activation,
  activate,
  convolution,
  gainBefore,
  type LayerContext,
  type NetworkNormalization,
  normalize,
} from './layers.ts';
import type { Network } from './parameters.ts';
import { cropCentre, pool, type Upsampling, upsample, upsampledLength } from './resize.ts';

export interface DeepmedicPathway {
  /** Voxels of the image per voxel of the pathway, odd, D, H, W. */
  readonly subsampleFactor: Triple;
  /** Odd kernel per convolution, D, H, W. */
  readonly kernels: readonly Triple[];
  /** Channels per convolution. */
  readonly features: readonly number[];
}

export interface DeepmedicOptions {
  readonly pathways: readonly DeepmedicPathway[];
  readonly head: HeadOptions;
  readonly padding: Padding;
  readonly upsampling: Upsampling;
  readonly activation: Activation;
  readonly normalization: NetworkNormalization;
  /** Number of logit channels. */
  readonly classes: number;
}

type Sized = Pick<DeepmedicOptions, 'pathways' | 'head' | 'padding' | 'upsampling'>;

/**
 * Length that a pathway reads of the input, and length of its result at full resolution before the crop to the common
 * length.
 */
interface Extent {
  readonly input: number;
  readonly output: number;
}

/** Smallest length that a pathway must read to give at least `common` voxels. */
function extentFor(
  { subsampleFactor, kernels }: DeepmedicPathway,
  common: number,
  { axis, padding, upsampling }: { readonly axis: Axis } & Pick<Sized, 'padding' | 'upsampling'>,
): Extent {
  const factor = subsampleFactor[axis];
  const lost = padding === 'valid' ? reach(kernels, axis) : 0;
  let coarse = Math.max(1, Math.ceil(common / factor));
  while (upsampledLength(coarse, factor, upsampling, padding) < common) coarse++;
  return { input: factor * (coarse + lost), output: upsampledLength(coarse, factor, upsampling, padding) };
}

/**
 * Length that all pathways give at full resolution for an input length; the pathway with the widest field of view
 * limits it.
 */
function commonLength(options: Sized, length: number, axis: Axis): number | undefined {
  const { pathways, padding, upsampling } = options;
  const given = pathways.map(({ subsampleFactor, kernels }) => {
    const factor = subsampleFactor[axis];
    const coarse = Math.floor(length / factor) - (padding === 'valid' ? reach(kernels, axis) : 0);
    return coarse < 1 ? 0 : upsampledLength(coarse, factor, upsampling, padding);
  });
  const common = Math.min(...given);
  const isLegal = pathways.every(pathway => {
    const { input, output } = extentFor(pathway, common, { axis, padding, upsampling });
    return input <= length && (length - input) % 2 === 0 && (output - common) % 2 === 0;
  });
  return common > 0 && (length - common) % 2 === 0 && isLegal ? common : undefined;
}

/** Sizes of a DeepMedic; the field of view is that of the widest pathway. */
export function deepmedicGeometry(options: Sized): Geometry {
  const { pathways, head, padding } = options;
  const viewOf = ({ subsampleFactor, kernels }: DeepmedicPathway, axis: Axis): number =>
    1 + reach(kernels, axis) * subsampleFactor[axis] + reach(head.kernels, axis);
  return {
    fieldOfView: mapAxes(axis => Math.max(...pathways.map(pathway => viewOf(pathway, axis)))),
    outputLength: (length, axis) => {
      const common = commonLength(options, length, axis);
      if (common === undefined) return undefined;
      const result = common - (padding === 'valid' ? reach(head.kernels, axis) : 0);
      return result < 1 ? undefined : result;
    },
  };
}

/** Builds a DeepMedic. */
export function deepmedic(options: DeepmedicOptions): Network {
  const { pathways, head, padding, upsampling, activation, normalization, classes } = options;
  const geometry = deepmedicGeometry(options);
  const bias = normalization === 'none';
  const gain = gainBefore(activation);
  return (builder, image, parameters) => {
    const size = spatial(image.shape);
    outputSize(geometry, size);
    const common = mapAxes(axis => commonLength(options, size[axis], axis) as number);
    const named = <T>(name: string, build: (context: LayerContext) => T): T =>
      builder.scope(name, () => build({ builder, parameters, name }));
    const layer = (name: string, input: Value, channels: number, kernel: Triple): Value => {
      const convolved = named(`${name}.conv`, context =>
        convolution(context, input, { channels, kernel, padding, gain, bias }),
      );
      return named(`${name}.norm`, context =>
        activate(context, normalize(context, convolved, normalization), activation),
      );
    };
    const follow = (pathway: DeepmedicPathway, index: number): Value => {
      const { subsampleFactor, kernels, features } = pathway;
      const read = mapAxes(axis => extentFor(pathway, common[axis], { axis, padding, upsampling }).input);
      const seen = cropCentre(builder, image, read);
      const coarse = features.reduce(
        (value, channels, depth) => layer(`pathway${index}.layer${depth}`, value, channels, kernels[depth] as Triple),
        pool(builder, seen, subsampleFactor, 'average'),
      );
      parameters.tap?.(`pathway${index}`, coarse);
      const fine = named(`pathway${index}.upsample`, context =>
        upsample(context, coarse, { factors: subsampleFactor, kind: upsampling, padding }),
      );
      return cropCentre(builder, fine, common);
    };
    let value = builder.concat(pathways.map(follow), 1);
    for (const [index, { kernel, channels, rate, isLast }] of headLayers(head, classes).entries()) {
      value = named(`head.dropout${index}`, context => dropout(context, value, { rate, unit: 'voxel' }));
      value = isLast
        ? named('head.logits', context =>
            convolution(context, value, { channels, kernel, padding, gain: 1, bias: true }),
          )
        : layer(`head.layer${index}`, value, channels, kernel);
    }
    return value;
  };
}
