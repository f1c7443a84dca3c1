/** Schema of what a model's metadata say of its training cases, see data/training-facts.ts. */
import { z } from 'zod';
import type { TrainingFacts } from '../data/training-facts.ts';

const spread = z.object({ min: z.number(), median: z.number(), max: z.number() }).readonly();
const spreadXyz = z.tuple([spread, spread, spread]).readonly();
const channelNumbers = z.array(z.int().min(0)).readonly();
const hashes = z.array(z.string()).readonly();

const intensities = z
  .object({
    minimum: z.number(),
    maximum: z.number(),
    low: spread,
    high: spread,
    width: spread,
    offset: spread,
    reach: spread,
  })
  .readonly();

export const trainingFactsSchema: z.ZodType<TrainingFacts> = z
  .object({
    cases: z.int().min(1),
    sizeVoxels: spreadXyz.optional(),
    extentMm: spreadXyz.optional(),
    imageMl: spread.optional(),
    spacingMm: spreadXyz.optional(),
    isCropped: z.boolean().optional(),
    intensities: z.array(intensities.nullable()).readonly().optional(),
    constantChannels: channelNumbers.optional(),
    labelChannels: channelNumbers.optional(),
    foreground: z
      .array(z.object({ low: z.number(), high: z.number() }).readonly())
      .readonly()
      .optional(),
    classes: z
      .array(
        z
          .object({
            name: z.string(),
            cases: z.int().min(0),
            volumeMl: spread.optional(),
            placeMm: spreadXyz.optional(),
          })
          .readonly(),
      )
      .readonly()
      .optional(),
    images: z.object({ training: hashes, validation: hashes, teacher: hashes }).readonly().optional(),
  })
  .readonly();
