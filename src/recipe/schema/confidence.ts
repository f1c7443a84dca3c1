/**
 * What is chosen on the validation cases about the probabilities of a model, as its metadata have it: thresholds of
 * its classes, its temperature, and the errors of its expected Dice.
 */
import { z } from 'zod';

/** Thresholds by class name; a class without one is decided by the most likely class. */
export const thresholdsSchema = z.record(z.string(), z.number().gt(0).lt(1));

/** The threshold of one class against the most likely class, on the validation cases. */
export const thresholdTrialSchema = z.object({
  /** The class; null for all thresholds that are kept, together. */
  class: z.string().nullable(),
  /** The best threshold on all validation cases; null for several together. */
  threshold: z.number().nullable(),
  /**
   * Mean over the cases of their mean Dice by the most likely class, and with the threshold: for a class alone that
   * which is best on all other cases.
   */
  diceWithout: z.number(),
  diceWith: z.number(),
  /** Number of validation cases. */
  cases: z.int().min(0),
  kept: z.boolean(),
  /** Largest loss of mean Dice in one case; 0 where none loses. */
  largestLoss: z.number(),
  /** p-value of the paired test of the cases with against without the threshold. */
  pValue: z.number(),
  /** Why it is not kept; null where it is. */
  reason: z.enum(['too few cases', 'no gain', 'a case gets worse', 'gain not proven']).nullable(),
});

export type ThresholdTrial = Readonly<z.output<typeof thresholdTrialSchema>>;

/** How the temperature was fitted. */
export const temperatureFitSchema = z.object({
  cases: z.int().min(1),
  /** Voxels that it was fitted on; for independent classes, of all channels together. */
  voxels: z.int().min(1),
  /** Negative log-likelihood per voxel without and with it, nats. */
  nllBefore: z.number(),
  nllAfter: z.number(),
});

/** Errors of the expected Dice by class name. */
export const expectedDiceErrorsSchema = z.record(
  z.string(),
  z.object({ halfWidth: z.number().min(0), cases: z.int().min(1) }),
);
