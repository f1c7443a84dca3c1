/** The part of a recipe's schema for images that are painted from label maps, with its defaults. */
import { z } from 'zod';
import { problemsOfRules } from '../../data/synthesis/label-rules.ts';

const paintings = z.int().min(1).max(1000);
const nonNegative = z.number().min(0);
const fraction = z.number().min(0).max(1);
const length = z.number().gt(0);

const value = z.union([z.int().min(1), z.string().regex(/^\d+-\d+$/, 'a label value, or a span such as "22-50"')]);
const values = z.union([value, z.array(value)]);

const ranged = (lowest: number, highest: number) =>
  z
    .tuple([nonNegative, nonNegative])
    .refine(([low, high]) => low <= high, 'the first number must not exceed the second')
    .default([lowest, highest]);

/** `data.synthesize`. */
export const synthesizeSchema = z
  .strictObject({
    classes: z
      .record(z.string().min(1), values)
      .describe(
        'Classes that a network learns, by name: the values of the label maps that are the class, { hippocampus: [17, 53], ventricles: "4-5" }. Every value is painted with an intensity of its own.',
      ),
    others: values
      .default([])
      .describe(
        'Further values of the maps, for example the tissues around the brain: painted as the others are, and background for a network. A value that is neither here nor in classes is an error; 0 is air.',
      ),
    sides: z
      .array(z.tuple([z.int().min(1), z.int().min(1)]))
      .default([])
      .describe(
        'Pairs of a left and a right value, [[17, 53]]: painted with one intensity, and exchanged where a patch is mirrored.',
      ),
    strips: z
      .array(
        z.strictObject({
          values: values.describe('Values of others that are missing together.'),
          probability: fraction.default(0.3).describe('Probability that they are missing in an image.'),
        }),
      )
      .default([])
      .describe(
        'Values of others that are missing at random, as in a skull-stripped image: { values: "22-50", probability: 0.3 }. They and the air are 0 then.',
      ),
    paintings: z
      .union([
        paintings,
        z.strictObject({
          val: paintings.describe('Number of images of every validation map.'),
          test: paintings.describe('Number of images of every test map.'),
        }),
      ])
      .default(5)
      .describe(
        'Number of images that are painted of every validation and test map, on its own grid and without moving it. They depend on the id of the case alone, so that they are the same in every run, arm and seed.',
      ),
    flip: z
      .boolean()
      .default(true)
      .describe('Whether a training patch is mirrored left to right with probability 1/2.'),
    rotateDegrees: nonNegative.max(180).default(15).describe('Largest rotation about each axis.'),
    scale: nonNegative.lt(1).default(0.2).describe('Zoom of each axis by itself, from 1 - scale to 1 + scale.'),
    shear: nonNegative.lt(0.5).default(0.012).describe('Largest shear of an axis along another.'),
    elasticMm: nonNegative
      .default(4)
      .describe('Largest standard deviation of the random displacements; that of a patch is uniform from 0.'),
    elasticSpacingMm: length.default(25).describe('Distance of the points that are displaced.'),
    means: ranged(0, 250).describe('Range of the mean intensity of a value.'),
    deviations: ranged(0, 30).describe('Range of the standard deviation of the intensities of a value.'),
    darkAir: fraction.default(0.25).describe('Probability that air is dark (mean 0 to 15, standard deviation 0 to 5).'),
    blackAir: fraction
      .default(0.05)
      .describe('Probability that air is 0. In all other images it has an intensity as every value has.'),
    biasField: nonNegative
      .default(0.7)
      .describe('Largest standard deviation of the logarithm of the bias field; that of an image is uniform from 0.'),
    biasSpacingMm: length.default(40).describe('Distance of the points of the bias field.'),
    biasProbability: fraction.default(0.95).describe('Probability of a bias field.'),
    gamma: nonNegative.default(0.5).describe('Standard deviation of the logarithm of the exponent on intensities.'),
    coarseMm: length.default(4).describe('Coarsest voxels of a scan that is as coarse along all axes.'),
    thickMm: length.default(8).describe('Largest distance of the slices of a scan that is coarse along one axis.'),
    coarseProbability: fraction
      .default(0.1)
      .describe('Probability that a scan is coarse along all axes rather than along one.'),
    fineProbability: fraction.default(0.05).describe('Probability that a scan has the voxels of the map.'),
  })
  .superRefine((settings, context) => {
    if (context.issues.length > 0) return;
    for (const { path, message } of problemsOfRules(settings))
      context.addIssue({ code: 'custom', path: [...path], message });
    if (settings.darkAir + settings.blackAir > 1)
      context.addIssue({
        code: 'custom',
        path: ['darkAir'],
        message: 'darkAir and blackAir must not exceed 1 together',
      });
  })
  .nullable()
  .default(null)
  .describe(
    'Images painted from label maps (SynthSeg), so that a case may be a label map alone: every training patch of such a case is painted anew, with random intensities of every label, and moved, with these ranges; augment does not touch it. The data set may then be a plain folder of label maps. Cases with an image keep it. null: every case needs an image.',
  );
