/** The part of a recipe's schema for trainings in a region of interest. */
import { z } from 'zod';
import { REGION_MARGIN_MM } from '../evaluation-defaults.ts';
import { trainedNetworks } from './trained-network.ts';

const count = z.int().min(1);
const positive = z.number().gt(0);

const trained = trainedNetworks({
  spacingMm: z
    .tuple([positive, positive, positive])
    .describe('Voxel size in millimetres that whole volumes are resampled to for the coarse stage, x, y, z.'),
  patch: z.strictObject({
    size: z
      .tuple([count, count, count])
      .describe('As patch.size, for the coarse stage; it should cover much of a case.'),
  }),
});

/** `cascade` of a recipe. */
export const cascadeSchema = z
  .strictObject({
    coarse: z
      .union([z.string().min(1), ...trained])
      .describe(
        'What finds the region. A network of one of the families: the run trains it first, on whole volumes. A text: path of a model that was finished before, which is a model file or a source that `voxstill import` reads; the folder of an arm; or the folder of a run, which stands for its student, or for its teacher where no student is finished, of the same fold where it has that. A file of two stages stands for its coarse one.',
      ),
    marginMm: z
      .number()
      .min(0)
      .default(REGION_MARGIN_MM)
      .describe('Margin around everything that it finds, on every side, in mm.'),
  })
  .nullable()
  .prefault(null)
  .describe(
    'Coarse to fine: every case is cut to the region of interest that a coarse model finds, before anything else is done to it; all arms train and segment inside it alone, and their files carry the coarse model with them. null: whole volumes.',
  );
