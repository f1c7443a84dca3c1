/** The part of a recipe's schema for the optimizer: its kind, learning rate, penalties and clipping. */
import { z } from 'zod';
import { scheduleSchema } from './train.ts';

const positive = z.number().gt(0);
const nonNegative = z.number().min(0);

const moments = {
  beta1: z.number().min(0).lt(1).default(0.9).describe('Decay of the first moment.'),
  beta2: z.number().min(0).lt(1).default(0.999).describe('Decay of the second moment.'),
  epsilon: positive.default(1e-8).describe('Number added to the root of the second moment.'),
};

const learningRate = (value: number) =>
  positive.default(value).describe('Learning rate of the first step after the warm-up.');

const optimizerShared = {
  schedule: scheduleSchema.prefault({}).describe('Learning rate over the steps.'),
  regularization: z
    .strictObject({
      l1: nonNegative.default(0).describe('Weight of the sum of absolute convolution kernels in the loss.'),
      l2: nonNegative.default(0).describe('Weight of the sum of squared convolution kernels in the loss.'),
    })
    .prefault({})
    .describe('Penalties on convolution kernels, added to the loss.'),
  clipNorm: positive
    .nullable()
    .default(12)
    .describe('Largest Euclidean norm of the whole gradient; null does not clip.'),
};

/** `optimizer` of a recipe: adam, adamw or sgd. */
export const optimizerSchema = z
  .union([
    z.strictObject({
      adam: z
        .strictObject({
          learningRate: learningRate(0.003),
          ...moments,
          weightDecay: nonNegative.default(0).describe('Factor on the convolution kernels, added to their gradient.'),
        })
        .prefault({}),
      ...optimizerShared,
    }),
    z.strictObject({
      adamw: z.strictObject({
        learningRate: learningRate(0.003),
        ...moments,
        weightDecay: nonNegative
          .default(0.01)
          .describe('Factor on learning rate and convolution kernels, subtracted from the kernels themselves.'),
      }),
      ...optimizerShared,
    }),
    z.strictObject({
      sgd: z.strictObject({
        learningRate: learningRate(0.01),
        momentum: z.number().min(0).lt(1).default(0.9).describe('Momentum of the gradient.'),
        nesterov: z.boolean().default(true).describe('Whether the momentum looks ahead, in the form of Nesterov.'),
      }),
      ...optimizerShared,
    }),
  ])
  .prefault({});
