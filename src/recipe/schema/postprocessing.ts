/** Schemas of post-processing, for recipes and the metadata of models, and of the record of its choice. */
import { z } from 'zod';

/** Steps by class name. */
export const postprocessingSchema = z.record(
  z.string(),
  z.strictObject({
    fillHoles: z.boolean().optional().describe('Background that the class encloses becomes the class.'),
    minimumVolumeMm3: z.number().gt(0).optional().describe('Smaller components become background.'),
    largestComponent: z.boolean().optional().describe('All components but the largest become background.'),
  }),
);

/** One comparison on the validation cases. */
export const postprocessingTrialSchema = z.object({
  class: z.string(),
  step: z.enum(['fillHoles', 'minimumVolumeMm3', 'largestComponent']),
  /** Minimum volume that was tried. */
  minimumVolumeMm3: z.number().optional(),
  /** Mean Dice of the class over the validation cases, without and with the step, after the steps kept before it. */
  diceWithout: z.number(),
  diceWith: z.number(),
  /** Number of validation cases that have the class. */
  cases: z.int().min(0),
  kept: z.boolean(),
  /** Largest loss of Dice in one case; 0 where none loses. Files of version 0.1.0 lack this and what follows. */
  largestLoss: z.number().optional(),
  /** p-value of the paired test of the cases with against without the step. */
  pValue: z.number().optional(),
  /** Why it is not kept; null where it is. */
  reason: z.enum(['too few cases', 'no gain', 'a case gets worse', 'gain not proven']).nullable().optional(),
});

export type PostprocessingTrial = Readonly<z.output<typeof postprocessingTrialSchema>>;
