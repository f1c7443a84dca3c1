/** The part of a recipe's schema for trainings in a region of interest. */
import { z } from 'zod';
import { REGION_MARGIN_MM } from './evaluation-defaults.ts';

/** `cascade` of a recipe. */
export const cascadeSchema = z
  .strictObject({
    coarse: z
      .string()
      .min(1)
      .describe(
        'Path of the model that finds the region, finished before: a model file or a source that `voxstill import` reads; the folder of an arm; or the folder of a run, which stands for its student, or for its teacher where no student is finished, of the same fold where it has that. A file of two stages stands for its coarse one.',
      ),
    marginMm: z
      .number()
      .min(0)
      .default(REGION_MARGIN_MM)
      .describe('Margin around everything that it finds, on every side, in mm.'),
  })
  .nullable()
  .default(null)
  .describe(
    'Coarse to fine: every case is cut to the region of interest that a coarse model finds, before anything else is done to it; all arms train and segment inside it alone, and their files carry the coarse model with them. null: whole volumes.',
  );
