/** The part of a recipe's schema for the hard loss, which compares a network with the labels. */
import { z } from 'zod';
import { fixedWeights, WEIGHTS } from '../../distillation/settings.ts';

const positive = z.number().gt(0);
const nonNegative = z.number().min(0);

/** `loss` of a recipe: the weighted sum of cross-entropy and soft Dice loss. */
export const lossSchema = z
  .strictObject({
    crossEntropy: z
      .strictObject({
        weight: nonNegative
          .default(1)
          .describe('Weight of the cross-entropy; 0 leaves it out, but not both weights may be 0.'),
        kind: z
          .enum(['categorical', 'binary'])
          .default('categorical')
          .describe(
            'Relation of the classes. categorical: exclusive (softmax). binary: independent (sigmoid), one channel per foreground class.',
          ),
        classWeights: z
          .union([z.literal('annealed'), fixedWeights])
          .default('annealed')
          .describe(`${WEIGHTS} annealed: from balanced to uniform over the first half of the steps.`),
        focalGamma: nonNegative
          .default(0)
          .describe(
            'Exponent gamma of the focal loss: the term of a voxel is multiplied by (1 - p)^gamma, p being the probability of its label. 0: plain cross-entropy.',
          ),
        topPercent: positive
          .max(100)
          .nullable()
          .default(null)
          .describe(
            'Percentage of the voxels of a batch whose mean it is, those with the largest terms; 10 in nnU-Net. The class weights act among them. With kind: binary, of each class. null: all voxels.',
          ),
      })
      .prefault({}),
    dice: z
      .strictObject({
        weight: nonNegative.default(1).describe('Weight of the soft Dice loss; 0 leaves it out.'),
        batch: z
          .boolean()
          .default(true)
          .describe('Whether sums run over the whole batch rather than over each sample.'),
        background: z.boolean().default(false).describe('Whether the background counts as a class.'),
        squared: z.boolean().default(false).describe('Whether the terms of the denominator are squared.'),
        smooth: nonNegative.default(1e-5).describe('Number of voxels added to numerator and denominator.'),
        falsePositives: nonNegative
          .default(0.5)
          .describe('Weight of false positives, alpha of the Tversky loss; 0.5 and 0.5 are Dice.'),
        falseNegatives: nonNegative
          .default(0.5)
          .describe('Weight of false negatives, beta of the Tversky loss; more than falsePositives finds more.'),
      })
      .superRefine(({ squared, falsePositives, falseNegatives }, context) => {
        const problem = (message: string): void =>
          context.addIssue({ code: 'custom', path: ['falsePositives'], message });
        if (falsePositives + falseNegatives === 0) problem('falsePositives and falseNegatives must not both be 0');
        if (squared && (falsePositives !== 0.5 || falseNegatives !== 0.5))
          problem('squared is defined for Dice alone: leave it out, or falsePositives and falseNegatives at 0.5');
      })
      .prefault({}),
  })
  .refine(
    ({ crossEntropy, dice }) => crossEntropy.weight + dice.weight > 0,
    'crossEntropy.weight and dice.weight must not both be 0',
  );
