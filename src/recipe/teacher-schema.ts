/**
 * The part of a recipe's schema for finished models as teachers, with its defaults. Its facts about a model override
 * those of the file.
 */
import { z } from 'zod';
import { AXIS_ORDERS } from '../inference/axes.ts';
import { normalizationSchema } from './normalization-schema.ts';

const className = z.union([z.string().min(1), z.int().min(0)]);
const count = z.int().min(1);
const positive = z.number().gt(0);

const model = z
  .strictObject({
    labels: z
      .array(className)
      .min(1)
      .nullable()
      .default(null)
      .describe('Classes in the order of the channels, by name or value.'),
    activation: z
      .enum(['softmax', 'sigmoid', 'none'])
      .nullable()
      .default(null)
      .describe('What makes probabilities of the output; none where it gives probabilities.'),
    normalize: normalizationSchema.nullable().default(null).describe('Of intensities, in its training.'),
    spacingMm: z.tuple([positive, positive, positive]).nullable().default(null).describe('In its training, x y z.'),
    size: z.tuple([count, count, count]).nullable().default(null).describe('Its window in voxels, x y z.'),
    axes: z.enum(AXIS_ORDERS).nullable().default(null).describe('Order of its axes.'),
    inputName: z.string().min(1).nullable().default(null).describe('Where it has several inputs.'),
    outputName: z.string().min(1).nullable().default(null).describe('Where it has several outputs.'),
  })
  .prefault({})
  .describe('What the files and the JSON beside them do not say, the same for all models; null leaves it to them.');

/** `teacher` of a recipe with finished models. */
export const externalTeacherSchema = z.strictObject({
  onnx: z
    .union([z.string().min(1), z.array(z.string().min(1)).min(1)])
    .describe(
      'A model file or the folder of a run, whose teachers of all seeds it stands for; several for an ensemble.',
    ),
  ensemble: z
    .enum(['probability', 'logits'])
    .default('probability')
    .describe('Several models teach by the mean of their probabilities, or of their logits.'),
  classes: z
    .record(z.string(), z.union([className, z.array(className).min(1)]))
    .default({})
    .describe(
      'Which class of the data a class of the teacher is, where names differ, or which ones it covers: { left: hippocampus, other: [liver, tumour] }.',
    ),
  model,
});
