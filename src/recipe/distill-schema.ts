/**
 * The part of a recipe's schema that says how the student learns from the teacher, with its defaults: a list of terms, each one method by
 * its name, and one notation for numbers that change over the steps.
 */
import { z } from 'zod';

const positive = z.number().gt(0);
const nonNegative = z.number().min(0);
const steps = z.int().min(0);

/** Class weights that stay as they are. */
export const fixedWeights = z.union([z.enum(['uniform', 'root', 'balanced']), z.array(nonNegative).min(1)]);
export const WEIGHTS =
  'Weight of a voxel by its class: all alike, by the inverse square root of the frequency of the class in the batch, by the inverse ' +
  'frequency, or one number per class, background first.';

/** A number, or one that changes over the steps. */
function schedule(value: z.ZodNumber) {
  return z.union([
    value,
    z.strictObject({
      start: value.describe('After the warm-up.'),
      end: value.describe('At the last step.'),
      curve: z.enum(['linear', 'cosine']).default('linear').describe('The way from start to end.'),
      warmupSteps: steps
        .default(0)
        .describe('Before the way begins: a weight rises from 0 to start, a temperature stays at start.'),
    }),
  ]);
}

const weight = (value: number) => schedule(nonNegative).default(value).describe('Weight beside the hard loss.');
const temperature = (value: number) => schedule(positive).default(value).describe('Softens teacher and student alike.');

const voxels = {
  classWeights: fixedWeights.default('balanced').describe(`${WEIGHTS} Classes by the teacher's probabilities.`),
  foregroundWeight: nonNegative
    .default(1)
    .describe('Factor on the weight of a voxel that the teacher gives to the foreground.'),
  boundaryWeight: nonNegative
    .default(1)
    .describe("Factor on the weight of a voxel next to a change of the teacher's class."),
};

const layer = (whose: string) => z.string().min(1).describe(`Name of a layer of the ${whose}, or logits.`);
const layers = { studentLayer: layer('student'), teacherLayer: layer('teacher') };

const reference = z
  .enum(['label', 'teacher'])
  .default('label')
  .describe(
    "Where classes come from: the labels, or the teacher's most likely class. Unlabelled patches take the teacher's.",
  );

const DEFAULT_SOFT_WEIGHT = 0.1;
const DEFAULT_FINAL_SOFT_WEIGHT = 0;
const DEFAULT_WARMUP_STEPS = 0;

const kd = z
  .strictObject({
    temperature: temperature(2),
    softWeight: schedule(nonNegative)
      .optional()
      .describe('Weight of the term beside the hard loss, whose weight stays 1.')
      .meta({ default: DEFAULT_SOFT_WEIGHT }),
    finalSoftWeight: nonNegative
      .optional()
      .describe('Weight at the last step, where softWeight is a number; the weight moves there in a straight line.')
      .meta({ default: DEFAULT_FINAL_SOFT_WEIGHT }),
    warmupSteps: steps
      .optional()
      .describe('Steps over which the weight grows from 0, where softWeight is a number.')
      .meta({ default: DEFAULT_WARMUP_STEPS }),
    alpha: nonNegative.optional().describe('Another name of softWeight; give one of them.'),
    ...voxels,
  })
  .refine(({ alpha, softWeight }) => alpha === undefined || softWeight === undefined, {
    message: 'softWeight and alpha are the same; give one',
  })
  .refine(
    ({ softWeight, finalSoftWeight, warmupSteps }) =>
      typeof softWeight !== 'object' || (finalSoftWeight === undefined && warmupSteps === undefined),
    'a softWeight with start and end has its own end and warmupSteps; leave finalSoftWeight and warmupSteps out',
  )
  .transform(({ softWeight, alpha, finalSoftWeight, warmupSteps, ...rest }) => {
    if (typeof softWeight === 'object') return { softWeight, ...rest };
    return {
      softWeight: softWeight ?? alpha ?? DEFAULT_SOFT_WEIGHT,
      finalSoftWeight: finalSoftWeight ?? DEFAULT_FINAL_SOFT_WEIGHT,
      warmupSteps: warmupSteps ?? DEFAULT_WARMUP_STEPS,
      ...rest,
    };
  });

const logitRegression = z.strictObject({
  weight: weight(0.1),
  centred: z
    .boolean()
    .default(true)
    .describe(
      'Leaves out what all classes of a voxel share, which a softmax does not see; not for independent classes.',
    ),
  ...voxels,
});

const dkd = z.strictObject({
  temperature: temperature(2),
  weight: weight(0.1),
  targetWeight: nonNegative.default(1).describe('Of the target class against all others: alpha.'),
  nonTargetWeight: nonNegative.default(2).describe('Of the comparison of the other classes: beta.'),
  reference,
  ...voxels,
});

const dist = z.strictObject({
  temperature: temperature(1),
  weight: weight(1),
  interWeight: nonNegative.default(1).describe('Of the relation between the classes of a voxel: beta.'),
  intraWeight: nonNegative.default(1).describe('Of the relation between the voxels in a class: gamma.'),
  ...voxels,
});

const softDice = z.strictObject({
  temperature: temperature(1),
  weight: weight(1),
  background: z.boolean().default(false).describe('Whether the background counts as a class.'),
});

const hint = z.strictObject({ ...layers, weight: weight(0.1) });
const attention = z.strictObject({ ...layers, weight: weight(0.1) });
const channelWise = z.strictObject({
  studentLayer: layers.studentLayer.default('logits'),
  teacherLayer: layers.teacherLayer.default('logits'),
  temperature: temperature(4),
  weight: weight(0.1),
});
const regionAffinity = z.strictObject({ ...layers, weight: weight(0.1), reference });

const term = z.union([
  z.strictObject({ kd }),
  z.strictObject({ logitRegression }),
  z.strictObject({ dkd }),
  z.strictObject({ dist }),
  z.strictObject({ softDice }),
  z.strictObject({ hint }),
  z.strictObject({ attention }),
  z.strictObject({ channelWise }),
  z.strictObject({ regionAffinity }),
]);

/** `distill` of a recipe. */
export const distillSchema = z.strictObject({
  losses: z
    .array(term)
    .min(1)
    .prefault([{ softDice: {} }])
    .describe('Terms that pull the student towards the teacher; they add up.'),
  unlabelled: z
    .strictObject({
      batch: z
        .int()
        .min(0)
        .default(0)
        .describe('Patches of unlabelled cases per step, beside train.batch labelled ones.'),
    })
    .prefault({})
    .describe('Cases without labels, from which the student learns by the teacher alone.'),
  softLabels: z
    .enum(['step', 'cache', 'auto'])
    .default('step')
    .describe(
      "Where the teacher's logits come from: computed in every step, kept on disk in float16 and used again, or kept where that saves time.",
    ),
  cache: z
    .strictObject({
      folder: z.string().min(1).default('soft-labels').describe('Where they are kept, from the working directory.'),
      limitMB: nonNegative.default(10_000).describe('Of all that is kept there, in 10^6 bytes.'),
    })
    .prefault({}),
});
