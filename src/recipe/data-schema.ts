/** The part of a recipe's schema for data, preprocessing, patches and augmentation, with its defaults. */
import { z } from 'zod';
import { askedNormalizationSchema } from './normalization-schema.ts';

const positive = z.number().gt(0);
const nonNegative = z.number().min(0);
const count = z.int().min(1);
const index = z.int().min(0);
const fraction = z.number().min(0).max(1);

function ordered([low, high]: readonly [number, number]): boolean {
  return low <= high;
}

const positiveRange = z.tuple([positive, positive]).refine(ordered, 'the first value must not exceed the second');

const labelled = count
  .nullable()
  .default(null)
  .describe('Training cases that keep their labels; the others become unlabelled ones. null keeps all labels.');

export const splitFractions = z
  .strictObject({
    seed: index.default(1).describe('Seed of the shuffle before the patients are divided.'),
    train: positive.max(1).default(0.7).describe('Fraction of the patients.'),
    val: fraction.default(0.1).describe('Fraction of the patients; used to watch training.'),
    test: fraction.default(0.2).describe('Fraction of the patients; used once, at the end.'),
    labelled,
  })
  .refine(({ train, val, test }) => Math.abs(train + val + test - 1) < 1e-6, 'train + val + test must be 1');

const ofFold = {
  fold: index
    .nullable()
    .default(null)
    .describe('The fold whose cases are tested, counted from 0; null runs all of them, one after the other.'),
  seed: index.default(1).describe('Seed of the shuffle.'),
  val: z.number().min(0).lt(1).default(0.1).describe('Fraction of the patients; taken from those that are not tested.'),
  labelled,
};

const splits = z.union([
  splitFractions,
  z.strictObject({ folds: z.int().min(2).describe('Parts of a cross-validation.'), ...ofFold }),
  z.strictObject({
    file: z.string().min(1).describe("A splits.json with case ids, or nnU-Net's splits_final.json."),
    ...ofFold,
  }),
]);

/** Whether a text is a regular expression with a group. */
function hasGroup(pattern: string): boolean {
  try {
    return (new RegExp(`${pattern}|`).exec('')?.length ?? 1) > 1;
  } catch {
    return false;
  }
}

const patients = z
  .union([
    z.strictObject({
      pattern: z
        .string()
        .refine(hasGroup, 'a regular expression with a group, for example "^(.+?)_"')
        .describe("Regular expression; its first group is the patient in a case's id."),
    }),
    z.strictObject({ file: z.string().min(1).describe('JSON { "<case id>": "<patient>" }.') }),
  ])
  .nullable()
  .default(null)
  .describe('Whose cases stay in one split; null takes every case for a patient of its own.');

export const dataSchema = z.strictObject({
  dataset: z.string().min(1).describe('Folder with a dataset.json (Medical Segmentation Decathlon or nnU-Net raw).'),
  patients,
  splits: splits.prefault({}).describe('Cases per split: by fractions and a seed, by folds, or from a file.'),
});

export const preprocessSchema = z.strictObject({
  spacingMm: z
    .tuple([positive, positive, positive])
    .nullable()
    .default(null)
    .describe('Voxel size that every volume is resampled to, millimetres, x y z; null keeps each as it is.'),
  orientation: z
    .enum(['canonical', 'stored'])
    .default('canonical')
    .describe(
      'Axes: canonical turns every volume so that they run right, anterior, superior; stored takes them as they are.',
    ),
  imageInterpolation: z
    .enum(['linear', 'cubic', 'nnunet'])
    .default('linear')
    .describe(
      'Of images on their way to spacingMm; cubic: third-order B-spline, cut to the range of the image; nnunet: as nnU-Net resamples, cubic with edges repeated, a thick axis by the nearest slice.',
    ),
  labelInterpolation: z
    .enum(['nearest', 'linear'])
    .default('nearest')
    .describe('Of labels on their way to spacingMm; linear: the label with the largest share.'),
  normalize: askedNormalizationSchema
    .default('min-max')
    .describe('Intensities: one method for all channels, or a list with one per channel.'),
});

export const patchSchema = z.strictObject({
  size: z.tuple([count, count, count]).describe('Voxels, x y z.'),
  foreground: fraction.default(0.33).describe('Fraction of the patches that are centred on a labelled voxel.'),
  padding: z
    .enum(['constant', 'reflect', 'none'])
    .default('constant')
    .describe('What surrounds a volume that is smaller than the patch; none makes that an error.'),
  caseWeights: z
    .union([
      z.record(z.string(), nonNegative),
      z.strictObject({ file: z.string().min(1).describe('JSON { "<case id>": weight }.') }),
    ])
    .nullable()
    .default(null)
    .describe('How often cases come, by id, relative to others; a case that is not named has 1.'),
});

const chance = fraction.default(1);

/** Largest displacement as a fraction of the distance of control points; beyond it a deformation can fold. */
const LARGEST_ELASTIC_SHARE = 0.4;

export const augmentSchema = z
  .strictObject({
    flip: z
      .array(z.enum(['x', 'y', 'z']))
      .default([])
      .describe('Axes that are mirrored with probability 1/2.'),
    rotateDegrees: z
      .union([nonNegative.max(180), z.tuple([nonNegative.max(180), nonNegative.max(180), nonNegative.max(180)])])
      .default(0)
      .describe('Largest rotation about each axis; one number, or x y z.'),
    scale: positiveRange.default([1, 1]).describe('Range of the zoom factor.'),
    elasticMm: nonNegative.default(0).describe('Largest displacement of a control point along each axis.'),
    elasticSpacingMm: positive.default(32).describe('Distance between control points.'),
    noise: nonNegative.default(0).describe('Largest standard deviation of Gaussian noise, in normalised intensity.'),
    blurVoxels: nonNegative.max(5).default(0).describe('Largest standard deviation of the Gaussian that blurs.'),
    brightness: nonNegative.default(0).describe('Largest shift, in normalised intensity.'),
    contrast: positiveRange.default([1, 1]).describe('Range of the factor on intensities.'),
    lowResolution: positive.max(1).default(1).describe('Smallest share of the voxels per axis that a coarse scan has.'),
    gamma: positiveRange.default([1, 1]).describe('Range of the exponent on intensities.'),
    probability: z
      .strictObject({
        rotate: chance,
        scale: chance,
        elastic: chance,
        noise: chance,
        blur: chance,
        brightness: chance,
        contrast: chance,
        lowResolution: chance,
        gamma: chance,
      })
      .prefault({})
      .describe('Of each variation, per patch.'),
  })
  .refine(
    ({ elasticMm, elasticSpacingMm }) => elasticMm <= LARGEST_ELASTIC_SHARE * elasticSpacingMm,
    'elasticMm must not exceed 0.4 of elasticSpacingMm, or the deformation folds',
  );
