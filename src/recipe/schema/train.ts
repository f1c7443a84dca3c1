/** How a network of a recipe is trained, as a schema with its defaults: steps, batches, rate, and when it ends. */
import { z } from 'zod';

const positive = z.number().gt(0);
const count = z.int().min(1);

/** Schema of the learning rate over the steps. */
export const scheduleSchema = z.strictObject({
  kind: z
    .enum(['constant', 'poly', 'cosine', 'plateau'])
    .default('cosine')
    .describe(
      'Factor of the learning rate at step s of S: 1; (1 - s/S)^power; (1 + cos(pi s/S)) / 2; or reduced whenever the validation has brought nothing better for a while.',
    ),
  warmupSteps: z
    .int()
    .min(0)
    .default(0)
    .describe('Number of steps before the schedule, over which the learning rate rises linearly from 0.'),
  power: positive.default(0.9).describe('Exponent of poly.'),
  factor: positive.lt(1).default(0.5).describe('Factor on the learning rate at each reduction of plateau.'),
  patience: count
    .default(2)
    .describe(
      'Number of validations in a row without a better mean Dice, after which plateau reduces the learning rate.',
    ),
  smallestRate: z.number().min(0).default(0).describe('Learning rate below which plateau does not go.'),
});

/** Schema of how a network is trained. */
export const trainSchema = z
  .strictObject({
    steps: count.describe('Number of optimizer steps.'),
    batch: z
      .int()
      .min(0)
      .describe(
        'Number of patches that are computed at once: those of a step, or of a micro-batch. 0, for a student: no labelled patches, so that it learns from the teacher alone, on distill.unlabelled.batch patches.',
      ),
    accumulate: count
      .default(1)
      .describe(
        'Number of micro-batches per step, whose mean gradient it takes. A step then has accumulate * batch patches in the memory of batch.',
      ),
    validateEvery: count
      .optional()
      .describe('Number of steps between two validations, at each of which a checkpoint is written.')
      .meta({ defaultText: 'steps / 10' }),
    learningRate: positive
      .nullable()
      .default(null)
      .describe('Learning rate of this network, for the baseline too; null takes that of the optimizer.'),
    deepSupervision: z
      .boolean()
      .default(false)
      .describe(
        'Whether the hard loss is also taken of the coarser levels of the decoder, as in nnU-Net: level i weighs 2^-i, the lowest does not count, and the weights are divided by their sum. The heads of these levels exist in training only. Needs a unet, residualUnet or generalizedUnet (padding: same) of at least 4 levels.',
      ),
    schedule: scheduleSchema
      .nullable()
      .default(null)
      .describe(
        'Learning rate of this network over the steps, for the baseline too; null takes that of the optimizer.',
      ),
    earlyStop: z
      .strictObject({
        patience: count.describe(
          'Number of validations in a row without a better mean Dice, after which the training ends. The best parameters are kept as always.',
        ),
      })
      .nullable()
      .default(null)
      .describe('Whether a training may end before its last step, by its validation; null trains all steps.'),
    ema: positive
      .lt(1)
      .nullable()
      .default(null)
      .describe(
        'Decay of an exponential moving average of the parameters, such as 0.999, which is validated, exported and taught from in place of the parameters themselves. It rises to this value from 0.1, as (1 + s) / (10 + s) at step s. null keeps no average.',
      ),
    from: z
      .string()
      .min(1)
      .nullable()
      .default(null)
      .describe(
        'Path of a model that the training starts from, for the baseline too: a model.onnx, a checkpoint (.safetensors), the folder of an arm or a run, or a model from elsewhere with the same layers. Parameters are taken over where name and shape agree, those of the last layer class by class, by name. null starts at random.',
      ),
    oldLayersRate: z
      .number()
      .min(0)
      .default(1)
      .describe(
        'Factor on the learning rate of the parameters that were taken over whole from another model. 0 keeps them as they are.',
      ),
  })
  .transform(({ steps, validateEvery, ...others }) => ({
    steps,
    ...others,
    validateEvery: validateEvery ?? Math.max(1, Math.round(steps / 10)),
  }))
  .meta({ id: 'train' });
