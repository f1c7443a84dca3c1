/** Schemas of normalisation, for recipes and the metadata of models. */
import { z } from 'zod';
import { VOLUME_NORMALIZATIONS } from '../../data/normalize.ts';

/** Clipping and scaling with the numbers of a data set. */
export const ctSchema = z.strictObject({
  ct: z
    .strictObject({
      low: z.number().describe('Intensity to which smaller ones are clipped.'),
      high: z.number().describe('Intensity to which larger ones are clipped.'),
      mean: z.number().describe('Intensity that becomes 0.'),
      deviation: z.number().gt(0).describe('Difference of intensities that becomes 1.'),
    })
    .describe(
      'Numbers of another data set or model, in the unit of the images, in place of those of the training cases.',
    ),
});

/** Normalisation in the metadata of a model: complete, one method for all channels or one per channel. */
const channelNormalization = z.union([z.enum(VOLUME_NORMALIZATIONS), ctSchema]);
export const normalizationSchema = z.union([channelNormalization, z.array(channelNormalization).min(1).readonly()]);

/** Normalisation in a recipe: `ct` alone uses the numbers of the training cases. */
const askedNormalization = z.union([z.enum([...VOLUME_NORMALIZATIONS, 'ct']), ctSchema]);
export const askedNormalizationSchema = z.union([askedNormalization, z.array(askedNormalization).min(1)]);
