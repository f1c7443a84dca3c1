/** The part of a recipe's schema for augmentation, with its defaults. */
import { z } from 'zod';
import { AUGMENT_PRESETS } from '../augment-preset.ts';

const positive = z.number().gt(0);
const nonNegative = z.number().min(0);
const fraction = z.number().min(0).max(1);
const degrees = nonNegative.max(180);
const deviationVoxels = nonNegative.max(5);

function ordered([low, high]: readonly [number, number]): boolean {
  return low <= high;
}

const ORDER = 'the first value must not exceed the second';
const positiveRange = z.tuple([positive, positive]).refine(ordered, ORDER);

const chance = (what: string) => fraction.default(1).describe(`Probability per patch of ${what}.`);
const channelChance = (what: string) =>
  fraction.default(1).describe(`Probability per channel of ${what}, in a patch that has it.`);

/** Largest displacement as a fraction of the distance of control points; beyond it a deformation can fold. */
const LARGEST_ELASTIC_SHARE = 0.4;

const settings = z
  .strictObject({
    preset: z
      .enum(AUGMENT_PRESETS)
      .optional()
      .describe(
        'Values of the other keys; each of them may be given besides and wins. `augment: nnunet` alone is short for this. nnunet: the augmentation of nnU-Net v2 in training, for patches of this size.',
      )
      .meta({ defaultText: 'none' }),
    flip: z
      .array(z.enum(['x', 'y', 'z']))
      .default([])
      .describe('Axes that are mirrored, each with probability 1/2.'),
    rotateDegrees: z
      .union([degrees, z.tuple([degrees, degrees, degrees])])
      .default(0)
      .describe(
        'Largest rotation in degrees about each axis, one number or x, y, z; uniform between minus and plus this.',
      ),
    scale: positiveRange.default([1, 1]).describe('Range of the zoom factor, above 1 to magnify.'),
    thickAxis: z
      .enum(['x', 'y', 'z'])
      .nullable()
      .default(null)
      .describe(
        'Axis of thick slices. Rotation is about this axis alone, and zoom, deformation and low resolution stay within the slices, so that no voxel mixes two of them. null: none.',
      ),
    factors: z
      .enum(['log-uniform', 'nnunet'])
      .default('log-uniform')
      .describe(
        'Distribution of scale, contrast, brightnessFactor, gamma and invertedGamma in their ranges. log-uniform: uniform in the logarithm. nnunet: scale uniform in its reciprocal; the others below or above 1 with equal chance, and uniform on each side.',
      ),
    elasticMm: nonNegative
      .default(0)
      .describe(
        'Largest displacement in millimetres of a control point along each axis, at most 0.4 of elasticSpacingMm; cubic B-splines between the control points.',
      ),
    elasticSpacingMm: positive.default(32).describe('Distance in millimetres between neighbouring control points.'),
    noise: nonNegative
      .default(0)
      .describe('Largest standard deviation of Gaussian noise, in normalised intensity; uniform from 0.'),
    blurVoxels: z
      .union([deviationVoxels, z.tuple([deviationVoxels, deviationVoxels]).refine(ordered, ORDER)])
      .default(0)
      .describe('Largest standard deviation in voxels of the Gaussian blur, uniform from 0; or its range.'),
    brightnessFactor: positiveRange.default([1, 1]).describe('Range of the factor on intensities.'),
    brightness: nonNegative
      .default(0)
      .describe('Largest shift in normalised intensity; uniform between minus and plus this.'),
    contrast: positiveRange
      .default([1, 1])
      .describe('Range of the factor on the difference from the mean of the patch.'),
    contrastInRange: z
      .boolean()
      .default(false)
      .describe('Whether a changed contrast is clipped to the range that the patch had before.'),
    lowResolution: positive
      .max(1)
      .default(1)
      .describe(
        'Smallest fraction of the voxels along each axis in a coarser scan; the patch is resampled to a fraction between this and 1, and back linearly.',
      ),
    lowResolutionBy: z
      .enum(['linear', 'nearest'])
      .default('linear')
      .describe('Interpolation from the patch to the coarser scan.'),
    gamma: positiveRange
      .default([1, 1])
      .describe('Range of the exponent on intensities, between the smallest and largest of the patch.'),
    invertedGamma: positiveRange
      .default([1, 1])
      .describe('Range of the exponent on the intensities of the inverted patch, before gamma.'),
    gammaKeepsMoments: z
      .boolean()
      .default(false)
      .describe('Whether the mean and the standard deviation of a patch are restored after gamma and invertedGamma.'),
    channels: z
      .enum(['together', 'apart'])
      .default('together')
      .describe(
        'Whether the channels of a patch share the variation of their intensities. apart: each has its own draws, blur one for each axis; the deviation of the noise stays shared.',
      ),
    probability: z
      .strictObject({
        rotate: chance('the rotation'),
        scale: chance('the zoom'),
        elastic: chance('the elastic deformation'),
        noise: chance('the noise'),
        blur: chance('the blur'),
        brightnessFactor: chance('the factor of brightness'),
        brightness: chance('the shift of brightness'),
        contrast: chance('the change of contrast'),
        lowResolution: chance('the low resolution'),
        gamma: chance('the exponent'),
        invertedGamma: chance('the exponent on the inverted patch'),
      })
      .prefault({})
      .describe('Probability of each variation, per patch.'),
    channelProbability: z
      .strictObject({
        blur: channelChance('the blur'),
        brightnessFactor: channelChance('the factor of brightness'),
        brightness: channelChance('the shift of brightness'),
        contrast: channelChance('the change of contrast'),
        lowResolution: channelChance('the low resolution'),
        gamma: channelChance('the exponent'),
        invertedGamma: channelChance('the exponent on the inverted patch'),
      })
      .prefault({})
      .describe('Probability that a channel takes part in a variation, where channels is apart.'),
  })
  .refine(
    ({ elasticMm, elasticSpacingMm }) => elasticMm <= LARGEST_ELASTIC_SHARE * elasticSpacingMm,
    'elasticMm must not exceed 0.4 of elasticSpacingMm, or the deformation folds',
  )
  .refine(
    ({ channels, channelProbability }) =>
      channels === 'apart' || Object.values(channelProbability).every(value => value === 1),
    'channelProbability needs channels: apart',
  )
  // the preset has been replaced by its values before
  .transform(({ preset: _preset, ...values }) => values);

export const augmentSchema = z
  .union([settings, z.enum(AUGMENT_PRESETS)])
  .pipe(
    z.custom<z.output<typeof settings>>(
      value => typeof value === 'object',
      'a preset is replaced by its values before',
    ),
  )
  .describe('Variations of the training patches, key by key, or the name of a preset.');
