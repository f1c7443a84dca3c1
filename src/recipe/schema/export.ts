/** The part of a recipe's schema for what a student is exported as, with its defaults. */
import { z } from 'zod';
import { EXPORT_DEFAULTS } from '../export-defaults.ts';

const loss = z.number().min(0).max(1);

export const exportSchema = z
  .strictObject({
    precision: z
      .enum(['float32', '8bit', 'float16'])
      .default('float32')
      .describe(
        'A smaller form of the student, made beside it when it is scored, and one more arm of the run. 8bit: convolutions in whole numbers of 8 bits; float16: weights in half the space, same speed; float32: none. Ranges come from the validation cases. A form that loses too much is not kept, and a warning says so (W_QUANTISE). In a sweep use `voxstill quantise` on the student that was chosen.',
      ),
    meanLoss: loss
      .default(EXPORT_DEFAULTS.meanLoss)
      .describe('Largest loss of the mean Dice on the validation cases with which the form is kept.'),
    classLoss: loss
      .default(EXPORT_DEFAULTS.classLoss)
      .describe('Largest loss of the Dice of a class on the validation cases with which the form is kept.'),
  })
  .prefault({});
