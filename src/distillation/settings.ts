/** Schemas that several distillation methods share: weights, temperatures, layers, and weights of voxels. */
import { z } from 'zod';
import { rampSchema } from './ramp.ts';

const positive = z.number().gt(0);
export const nonNegative = z.number().min(0);

/** Class weights that do not change over the steps. */
export const fixedWeights = z.union([z.enum(['uniform', 'root', 'balanced']), z.array(nonNegative).min(1)]);
export const WEIGHTS =
  'Weight of a voxel by its class. uniform: all alike. root: by the inverse square root of the frequency of the class in the batch. ' +
  'balanced: by the inverse frequency. Numbers: one per class, background first.';

/** Schema of the weight of a term. @param value default */
export const weight = (value: number) =>
  rampSchema(nonNegative).default(value).describe('Weight beside the hard loss.');

/** Schema of the temperature of a term. @param value default */
export const temperature = (value: number) =>
  rampSchema(positive).default(value).describe('Temperature T, which divides the logits of teacher and student alike.');

/** Schema of the weights of voxels in the mean of a term. */
export const voxels = {
  classWeights: fixedWeights
    .default('balanced')
    .describe(`${WEIGHTS} Classes by the probabilities of the teacher at T = 1.`),
  foregroundWeight: nonNegative
    .default(1)
    .describe(
      'Factor on the weight of a voxel that the teacher gives to the foreground, in proportion to its probability.',
    ),
  boundaryWeight: nonNegative
    .default(1)
    .describe(
      'Factor on the weight of a voxel whose 3x3x3 neighbourhood holds more than one of the most likely classes of the teacher.',
    ),
};

const layer = (whose: string) => z.string().min(1).describe(`Name of a layer of the ${whose}, or logits.`);

/** Schema of the two layers that a feature method compares. */
export const layers = { studentLayer: layer('student'), teacherLayer: layer('teacher') };

/** Schema of the source of the classes of voxels. */
export const reference = z
  .enum(['label', 'teacher'])
  .default('label')
  .describe(
    'Source of the classes: the label, or the most likely class of the teacher. Unlabelled patches take that of the teacher.',
  );
