/** The part of a recipe's schema for data, preprocessing and patches, with its defaults. */
import { z } from 'zod';
import { CROPS } from '../../volume/nonzero.ts';
import { askedNormalizationSchema } from './normalization.ts';
import { synthesizeSchema } from './synthesize.ts';

const positive = z.number().gt(0);
const nonNegative = z.number().min(0);
const count = z.int().min(1);
const index = z.int().min(0);
const fraction = z.number().min(0).max(1);

const labelled = count
  .nullable()
  .default(null)
  .describe(
    'Number of training cases that keep their labels, chosen by the seed; the others become unlabelled. Validation and test stay the same. null keeps all labels.',
  );

const teacherLabels = z
  .enum(['same', 'all'])
  .default('same')
  .describe(
    'Labels that a teacher trained here learns from. same: those that data.splits.labelled leaves. all: those of all training cases, as a model from elsewhere has seen labels that the student lacks.',
  );

export const splitFractions = z
  .strictObject({
    seed: index.default(1).describe('Seed of the shuffle before the patients are divided.'),
    train: positive
      .max(1)
      .default(0.7)
      .describe('Fraction of the patients in training. The three fractions add up to 1.'),
    val: fraction
      .default(0.1)
      .describe(
        'Fraction of the patients in validation: the parameters with the best mean Dice on their cases are kept.',
      ),
    test: fraction
      .default(0.2)
      .describe('Fraction of the patients in the test, which is evaluated once, at the end, and chooses nothing.'),
    labelled,
    teacherLabels,
  })
  .refine(({ train, val, test }) => Math.abs(train + val + test - 1) < 1e-6, 'train + val + test must be 1');

const ofFold = {
  fold: index
    .nullable()
    .default(null)
    .describe('Number of the one fold to run, from 0; null runs all folds one after the other.'),
  seed: index.default(1).describe('Seed of the shuffle before the patients are divided.'),
  val: z
    .number()
    .min(0)
    .lt(1)
    .default(0.1)
    .describe('Fraction of all patients in validation, taken from those that are not tested.'),
  labelled,
  teacherLabels,
};

const splits = z.union([
  splitFractions,
  z.strictObject({
    folds: z
      .int()
      .min(2)
      .describe(
        'Number of parts of a cross-validation, in place of the three fractions: the patients of one part are tested, a fraction val of all patients validates, the others train, so that every case is tested once.',
      ),
    ...ofFold,
  }),
  z.strictObject({
    file: z
      .string()
      .min(1)
      .describe(
        'Path of a JSON file, in place of fractions and folds: { "train": [ids], "val": [ids], "test": [ids] }, to which "unlabelled": [ids] may be added (otherwise all cases without a label), or the splits_final.json of nnU-Net, whose val cases are tested.',
      ),
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
        .describe(
          'Regular expression whose first group is the patient in the id of a case: "^(.+?)_" makes p7_left and p7_right one patient.',
        ),
    }),
    z.strictObject({
      file: z.string().min(1).describe('Path of a JSON file { "<case id>": "<patient>" }, in place of the pattern.'),
    }),
  ])
  .nullable()
  .default(null)
  .describe('Patients, whose cases stay in one split; null treats every case as a patient of its own.');

const annotated = z
  .union([
    z.record(z.string().min(1), z.array(z.string().min(1)).min(1)),
    z.strictObject({ file: z.string().min(1).describe('Path of a JSON file with the same content, in place of it.') }),
  ])
  .nullable()
  .default(null)
  .describe(
    'Classes that were looked for in a case, where these are not all: { "siteA_*": [liver], siteB_007: [liver, kidney] }, by id, in which * stands for any text. All others of the case may be in its background, so that no loss and no score takes it as background for them. null: all classes in every case.',
  );

export const dataSchema = z.strictObject({
  dataset: z
    .string()
    .min(1)
    .describe(
      'Folder with a dataset.json: a Medical Segmentation Decathlon task or an nnU-Net raw data set of version 1 or 2. A case without a label is unlabelled; lists of test files are ignored. Classes may be regions (lists of label values with regions_class_order), which need loss.crossEntropy.kind: binary. Voxels of the ignore label of nnU-Net count in no loss, no score and no statistic, and no patch is centred on them.',
    ),
  annotated,
  synthesize: synthesizeSchema,
  patients,
  cache: z
    .strictObject({
      folder: z
        .string()
        .min(1)
        .default('prepared-cases')
        .describe(
          'Folder of prepared cases, relative to the working directory; runs and sweeps that name the same folder share it.',
        ),
      limitMB: nonNegative
        .default(20_000)
        .describe(
          'Largest size of that folder in 10^6 bytes. When it is full, cases unused for 30 minutes are removed, least recently used first; what still does not fit is prepared anew at every start. 0 keeps nothing.',
        ),
    })
    .prefault({})
    .describe('Cases as training sees them, kept on disk for the next start.'),
  splits: splits.prefault({}).describe('Cases per split: by fractions and a seed, by folds, or from a file.'),
});

export const preprocessSchema = z.strictObject({
  crop: z
    .enum(CROPS)
    .default('none')
    .describe(
      'What is cut away of a volume before everything else. nonzero: what lies outside of the box around the voxels of which any channel is not 0 (NaN counts as 0), as nnU-Net crops: for skull-stripped heads and other images whose surroundings were set to 0. Results lie on the grid of the input, with background outside of the box. none: nothing. Stored in the model.',
    ),
  spacingMm: z
    .tuple([positive, positive, positive])
    .nullable()
    .default(null)
    .describe(
      'Voxel size in millimetres that volumes are resampled to, x, y, z; null keeps the voxel size of each volume.',
    ),
  orientation: z
    .enum(['canonical', 'stored'])
    .default('canonical')
    .describe(
      'Axes of volumes. canonical: turned as near to right, anterior, superior (RAS+) as possible, and x, y, z of every other key are these. stored: as in the file. Results always have the axes of their input.',
    ),
  imageInterpolation: z
    .enum(['linear', 'cubic', 'nnunet'])
    .default('linear')
    .describe(
      'Interpolation of images resampled to spacingMm. cubic: third-order B-splines, cut to the range of each channel. nnunet: as nnU-Net resamples, cubic with edges repeated, a thick axis by the nearest slice. Stored in the model.',
    ),
  labelInterpolation: z
    .enum(['nearest', 'linear'])
    .default('nearest')
    .describe(
      'Interpolation of labels resampled to spacingMm. linear: the label with the largest share of each voxel. Results return to the grid of the input by linear interpolation of the probabilities.',
    ),
  normalize: askedNormalizationSchema
    .default('min-max')
    .describe(
      'Normalisation of intensities, per volume and channel, over finite voxels. min-max: to 0..1. percentile: the same after clipping to the 0.5th and 99.5th percentile. z-score: mean 0, standard deviation 1. z-score-nonzero: the same over the voxels that are not 0, which stay 0. ct: as z-score, with clipping, mean and deviation of all segmented voxels of the training cases.',
    ),
});

export const patchSchema = z.strictObject({
  size: z
    .tuple([count, count, count])
    .describe(
      'Size in voxels of a training patch and of the window of inference, x, y, z. Every network must accept it: a U-Net of n levels needs a multiple of 2^(n - 1).',
    ),
  foreground: fraction
    .default(0.33)
    .describe('Probability that a patch is centred on a labelled voxel; all classes of the case are equally likely.'),
  padding: z
    .enum(['constant', 'reflect', 'none'])
    .default('constant')
    .describe(
      'Surroundings of a case that is smaller than the patch. constant: the smallest value of the image, and background. reflect: the mirrored case. none: an error. A patch of more than twice a case is always an error.',
    ),
  repeatAfter: count
    .nullable()
    .default(null)
    .describe(
      'Number of steps after which the same patches come again, in the same order and varied in the same way, for every arm. With distill.softLabels: cache a finished teacher then answers each of them once. null: every step has patches of its own.',
    ),
  caseWeights: z
    .union([
      z.record(z.string(), nonNegative),
      z.strictObject({ file: z.string().min(1).describe('Path of a JSON file with the weights, in place of them.') }),
    ])
    .nullable()
    .default(null)
    .describe(
      'Relative frequency of cases, by id: 1 for a case that is not named, 0 leaves a case out. null: every case once per epoch.',
    ),
});
