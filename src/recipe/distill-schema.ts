/**
 * The part of a recipe's schema for distillation, with its defaults. What each method takes is in
 * distillation/methods.ts.
 */
import { z } from 'zod';
import { nonNegative } from '../distillation/settings.ts';
import { lossSchema } from '../distillation/terms.ts';

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
        .describe('Patches of unlabelled cases per step, beside train.batch labelled ones.'),
    })
    .prefault({})
    .describe('Cases without labels, from which the student learns by the teacher alone.'),
  softLabels: z
    .enum(['step', 'cache', 'auto'])
    .default('step')
    .describe(
      "Where the teacher's logits come from: computed in every step, kept on disk in float16 and used again, or kept where that saves time.",
    ),
  cache: z
    .strictObject({
      folder: z.string().min(1).default('soft-labels').describe('Where they are kept, from the working directory.'),
      limitMB: nonNegative.default(10_000).describe('Of all that is kept there, in 10^6 bytes.'),
    })
    .prefault({}),
});
