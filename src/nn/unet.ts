/**
 * The plain U-Net: per level a few 3x3x3 convolutions, each followed by normalisation and leaky ReLU; max-pooling by 2 on the way down,
 * nearest upsampling and concatenation with the skip on the way up; a 1x1x1 convolution with bias gives the logits. Its named features are
 * what each level ends with: `encoder0` (finest) to the deepest encoder, and `decoder0` (finest) upwards.
 * Source: arXiv:1606.06650 with the block of arXiv:1809.10486.
 */
import { InputError } from '../core/errors.ts';
import type { Triple } from '../core/shape.ts';
import type { Value } from '../graph/graph.ts';
import { spatial } from '../graph/infer.ts';
import { type LayerContext, type Normalization, normalize, sameConv } from './layers.ts';
import type { Network } from './parameters.ts';

export interface UnetOptions {
  /** Channels per level, finest first. */
  readonly features: readonly number[];
  readonly convolutionsPerLevel: number;
  readonly normalization: Normalization;
  /** Slope of the leaky ReLU below zero; 0 is a plain ReLU. */
  readonly negativeSlope: number;
  /** Number of logit channels. */
  readonly classes: number;
}

const KERNEL: Triple = [3, 3, 3];
const HALF: Triple = [2, 2, 2];

/**
 * Checks that every level divides the patch.
 * @param sizeVoxels patch size, x, y, z (or any order)
 * @throws {InputError} E_PATCH_SIZE naming the nearest sizes that work
 */
function assertUnetSize(sizeVoxels: Triple, features: readonly number[]): void {
  const factor = 2 ** (features.length - 1);
  if (sizeVoxels.every(length => length % factor === 0 && length > 0)) return;
  const below = sizeVoxels.map(length => Math.max(factor, Math.floor(length / factor) * factor));
  const above = sizeVoxels.map(length => Math.max(factor, Math.ceil(length / factor) * factor));
  throw new InputError(
    'E_PATCH_SIZE',
    `patch ${sizeVoxels.join('x')} cannot be halved ${features.length - 1} times by a U-Net of ${features.length} levels. ` +
      `Set patch.size to ${below.join('x')} or ${above.join('x')}, or use fewer levels`,
  );
}

/** Builds the plain U-Net. */
export function unet(options: UnetOptions): Network {
  const { features, convolutionsPerLevel, normalization, negativeSlope, classes } = options;
  const gain = 2 / (1 + negativeSlope ** 2);
  return (builder, image, parameters) => {
    assertUnetSize(spatial(image.shape), features);
    const named = <T>(name: string, build: (context: LayerContext) => T): T =>
      builder.scope(name, () => build({ builder, parameters, name }));
    const block = (prefix: string, input: Value, channels: number): Value => {
      let value = input;
      for (let index = 0; index < convolutionsPerLevel; index++) {
        value = named(`${prefix}.conv${index}`, context =>
          sameConv(context, value, { channels, kernel: KERNEL, gain, bias: normalization === 'none' }),
        );
        value = named(`${prefix}.norm${index}`, context => {
          const normal = normalize(context, value, normalization);
          return negativeSlope === 0
            ? builder.apply('Relu', [normal], {})
            : builder.apply('LeakyRelu', [normal], { alpha: negativeSlope });
        });
      }
      return value;
    };

    const skips: Value[] = [];
    let value = image;
    features.forEach((channels, level) => {
      if (level > 0) {
        skips.push(value);
        value = named(`pool${level}`, () => builder.apply('MaxPool', [value], { kernel: HALF }));
      }
      value = block(`encoder${level}`, value, channels);
      parameters.tap?.(`encoder${level}`, value);
    });
    for (let level = features.length - 2; level >= 0; level--) {
      const skip = skips[level] as Value;
      const joined = named(`join${level}`, () =>
        builder.concat([builder.apply('Resize', [value], { scales: HALF }), skip], 1),
      );
      value = block(`decoder${level}`, joined, features[level] as number);
      parameters.tap?.(`decoder${level}`, value);
    }
    return named('head', context =>
      sameConv(context, value, { channels: classes, kernel: [1, 1, 1], gain: 1, bias: true }),
    );
  };
}
