/** Schema of nnU-Net's preparation of volumes in the metadata of a model. */
import { z } from 'zod';
import { ctSchema } from '../recipe/schema/normalization.ts';

const positive = z.number().gt(0).nullable();

const resampling = z
  .object({
    order: z.union([z.literal(1), z.literal(3)]),
    orderAcross: z.union([z.literal(0), z.literal(1)]),
    separate: z.boolean().nullable(),
  })
  .readonly();

export const nnunetPipelineSchema = z
  .object({
    spacingMm: z.tuple([positive, positive, positive]).readonly(),
    normalize: z
      .array(z.union([z.enum(['z-score', 'z-score-inside', 'min-max', 'none']), ctSchema]))
      .min(1)
      .readonly(),
    image: resampling,
    logits: resampling,
  })
  .readonly();
