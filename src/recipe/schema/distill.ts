/**
 * The part of a recipe's schema for distillation, with its defaults. What each method takes is in
 * distillation/methods.ts.
 */
import { z } from 'zod';
import { nonNegative } from '../../distillation/settings.ts';
import { lossSchema } from '../../distillation/terms.ts';

/** `distill` of a recipe. */
export const distillSchema = z.strictObject({
  losses: z
    .array(lossSchema)
    .min(1)
    .prefault([{ softDice: {} }])
    .describe('Terms that pull the student towards the teacher; they add up.'),
  unlabelled: z
    .strictObject({
      batch: z
        .int()
        .min(0)
        .default(0)
        .describe(
          'Number of patches of unlabelled cases in each step (or micro-batch) of the student, after the labelled ones of train.batch. 0 leaves them out.',
        ),
    })
    .prefault({})
    .describe('Cases without labels, from which the student learns by the teacher alone.'),
  softLabels: z
    .enum(['step', 'cache', 'auto'])
    .default('step')
    .describe(
      'Source of the logits of the teacher. step: computed in every step. cache: stored on disk in float16, and read again when the same patches come again. auto: stored where that saves time, by measured cost.',
    ),
  cache: z
    .strictObject({
      folder: z
        .string()
        .min(1)
        .default('soft-labels')
        .describe(
          'Folder of stored logits, relative to the working directory; runs and sweeps that name the same folder share it.',
        ),
      limitMB: nonNegative
        .default(10_000)
        .describe(
          'Largest size of that folder in 10^6 bytes. When it is full, logits of teachers unused for 30 minutes are removed, least recently used first; what still does not fit is computed again.',
        ),
    })
    .prefault({}),
});
