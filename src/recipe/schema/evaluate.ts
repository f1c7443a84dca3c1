/** The part of a recipe's schema for evaluation, with its defaults. */
import { z } from 'zod';
import { EVALUATION_DEFAULTS } from '../evaluation-defaults.ts';

const nonNegative = z.number().min(0);

export const evaluateSchema = z.strictObject({
  overlap: z
    .number()
    .min(0)
    .lt(1)
    .default(EVALUATION_DEFAULTS.overlap)
    .describe('Fraction of a window that its neighbour shares.'),
  weighting: z
    .enum(['gaussian', 'constant'])
    .default(EVALUATION_DEFAULTS.weighting)
    .describe(
      'Weight of a voxel of a window where windows overlap: highest in the middle (standard deviation an eighth of the window), or constant.',
    ),
  mirror: z
    .array(z.enum(['x', 'y', 'z']))
    .nullable()
    .default(EVALUATION_DEFAULTS.mirror)
    .describe(
      'Axes of test-time mirroring, along which every window is also seen flipped. Probabilities are averaged over all 2^n views, at 2^n times the cost. Only for axes that augment.flip has. null: the axes that a model states.',
    ),
  surfaceToleranceMm: nonNegative
    .default(EVALUATION_DEFAULTS.surfaceToleranceMm)
    .describe('Distance in millimetres within which two surfaces agree, for the surface Dice.'),
  lesions: z
    .array(z.string().min(1))
    .default([])
    .describe(
      'Classes that are made of many structures (lesions, metastases): each is also scored structure by structure, by F1, the Dice of those that match, and panoptic quality. Structures are connected components (26 neighbours); two match where their IoU is above 0.5.',
    ),
});
