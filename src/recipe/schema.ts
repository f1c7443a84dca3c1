/**
 * The schema of a recipe. It and its parts in this folder hold the only defaults of the program: other code
 * has no defaults, and a resolved recipe contains every value. Objects are strict, so a misspelt key is an error and
 * never a silent default.
 * Triples are in x, y, z order. Does not know about files or text; see parse.ts.
 */

import { z } from 'zod';
import { AXES, xyz, zyx } from '../core/axes.ts';
import type { DeepReadonly } from '../core/deep-readonly.ts';
import { fixedWeights, WEIGHTS } from '../distillation/settings.ts';
import { jointGeometry, nearestSizes } from '../nn/geometry.ts';
import { augmentSchema, dataSchema, patchSchema, preprocessSchema, splitFractions } from './data-schema.ts';
import { distillSchema } from './distill-schema.ts';
import { EVALUATION_DEFAULTS } from './evaluation-defaults.ts';
import { architectureOf } from './network.ts';
import { networkSchemas } from './network-schema.ts';
import { postprocessingSchema } from './postprocessing-schema.ts';
import { externalTeacherSchema } from './teacher-schema.ts';

const positive = z.number().gt(0);
const nonNegative = z.number().min(0);
const count = z.int().min(1);

const train = z
  .strictObject({
    steps: count.describe('Optimizer steps.'),
    batch: count.describe('Patches per step.'),
    validateEvery: count.optional().describe('Steps between two validations; a tenth of the steps if not given.'),
    learningRate: positive
      .nullable()
      .default(null)
      .describe('For this network in place of the one of the optimizer; the baseline takes that of the student.'),
  })
  .transform(({ steps, batch, validateEvery, learningRate }) => ({
    steps,
    batch,
    learningRate,
    validateEvery: validateEvery ?? Math.max(1, Math.round(steps / 10)),
  }));

const trainedNetworks = [
  z.strictObject({ unet: networkSchemas.unet, train }),
  z.strictObject({ generalizedUnet: networkSchemas.generalizedUnet, train }),
  z.strictObject({ meshnet: networkSchemas.meshnet, train }),
  z.strictObject({ deepmedic: networkSchemas.deepmedic, train }),
] as const;

const arm = z.union(trainedNetworks).describe('A network of one of the families, and how it is trained.');

const teacher = z
  .union([...trainedNetworks, externalTeacherSchema])
  .describe('A network to train, or finished ONNX models.');

const loss = z
  .strictObject({
    crossEntropy: z
      .strictObject({
        weight: nonNegative.default(1),
        kind: z
          .enum(['categorical', 'binary'])
          .default('categorical')
          .describe('binary: independent classes, one channel per foreground class.'),
        classWeights: z
          .union([z.literal('annealed'), fixedWeights])
          .default('annealed')
          .describe(`annealed: from balanced to uniform over the first half of the steps. ${WEIGHTS}`),
      })
      .prefault({}),
    dice: z
      .strictObject({
        weight: nonNegative.default(1),
        batch: z.boolean().default(true).describe('Sum over the whole batch rather than per sample.'),
        background: z.boolean().default(false).describe('Count the background class.'),
        squared: z.boolean().default(false).describe('Square the terms of the denominator.'),
        smooth: nonNegative.default(1e-5).describe('Added to numerator and denominator.'),
      })
      .prefault({}),
  })
  .refine(
    ({ crossEntropy, dice }) => crossEntropy.weight + dice.weight > 0,
    'crossEntropy.weight and dice.weight must not both be 0',
  );

const moments = {
  beta1: z.number().min(0).lt(1).default(0.9),
  beta2: z.number().min(0).lt(1).default(0.999),
  epsilon: positive.default(1e-8),
};

const optimizerShared = {
  schedule: z
    .strictObject({
      kind: z.enum(['constant', 'poly', 'cosine']).default('cosine'),
      warmupSteps: z.int().min(0).default(0),
      power: positive.default(0.9).describe('Exponent of poly.'),
    })
    .prefault({})
    .describe('Learning rate over the steps.'),
  regularization: z
    .strictObject({ l1: nonNegative.default(0), l2: nonNegative.default(0) })
    .prefault({})
    .describe('Penalties on convolution kernels, added to the loss.'),
  clipNorm: positive.nullable().default(12).describe('Largest norm of the whole gradient; null does not clip.'),
};

const optimizer = z
  .union([
    z.strictObject({
      adam: z
        .strictObject({
          learningRate: positive.default(0.003),
          ...moments,
          weightDecay: nonNegative.default(0).describe('Added to the gradient.'),
        })
        .prefault({}),
      ...optimizerShared,
    }),
    z.strictObject({
      adamw: z.strictObject({
        learningRate: positive.default(0.003),
        ...moments,
        weightDecay: nonNegative.default(0.01).describe('Decoupled from the gradient.'),
      }),
      ...optimizerShared,
    }),
    z.strictObject({
      sgd: z.strictObject({
        learningRate: positive.default(0.01),
        momentum: z.number().min(0).lt(1).default(0.9),
        nesterov: z.boolean().default(true),
      }),
      ...optimizerShared,
    }),
  ])
  .prefault({});

const evaluate = z.strictObject({
  overlap: z
    .number()
    .min(0)
    .lt(1)
    .default(EVALUATION_DEFAULTS.overlap)
    .describe('Fraction of a window that its neighbour shares.'),
  weighting: z
    .enum(['gaussian', 'constant'])
    .default(EVALUATION_DEFAULTS.weighting)
    .describe('How much a voxel of a window counts: most in the middle, or everywhere the same.'),
  mirror: z
    .array(z.enum(['x', 'y', 'z']))
    .nullable()
    .default(EVALUATION_DEFAULTS.mirror)
    .describe(
      'Axes along which every window is also seen flipped; probabilities are averaged over all 2^n views. null: the axes that a model states.',
    ),
  surfaceToleranceMm: nonNegative
    .default(EVALUATION_DEFAULTS.surfaceToleranceMm)
    .describe('Distance within which two surfaces agree.'),
});

const recipeShape = z.strictObject({
  data: dataSchema,
  preprocess: preprocessSchema.prefault({}),
  patch: patchSchema,
  augment: augmentSchema.prefault({}),
  teacher,
  student: arm,
  loss: loss.prefault({}).describe('The hard loss, the same for all arms.'),
  distill: distillSchema.prefault({}),
  baseline: z.boolean().default(true).describe('Also train the student alone, for comparison.'),
  optimizer,
  seeds: z
    .array(z.int().min(0))
    .min(1)
    .refine(seeds => new Set(seeds).size === seeds.length, 'a seed is listed twice')
    .default([1])
    .describe('Every arm is trained once per seed.'),
  evaluate: evaluate.prefault({}),
  compare: z
    .strictObject({
      margin: positive
        .lt(1)
        .nullable()
        .default(null)
        .describe(
          'Largest loss of mean Dice against the teacher that does not matter: the student is then judged as not worse, worse, or neither. null: no such test.',
        ),
    })
    .prefault({})
    .describe('How results are judged. Part of the recipe before the run begins, so it cannot be chosen by them.'),
  groups: z
    .strictObject({
      file: z.string().min(1).describe('CSV with a column "case" and one column for each way to group.'),
    })
    .nullable()
    .default(null)
    .describe('Groups of cases (site, scanner, sex, age band) whose scores are told apart.'),
  postprocess: z
    .union([z.enum(['auto', 'none']), postprocessingSchema])
    .default('auto')
    .describe('Of segmentations: chosen per class on the validation cases, none, or steps by class name.'),
  threads: count.nullable().default(null).describe('CPU threads; null takes one per core.'),
});

type Mutable = z.output<typeof recipeShape>;

/** Checks that every trained network accepts the patch, and that the results of two networks have the same centre. */
function checkPatch(recipe: Mutable, context: z.RefinementCtx<Mutable>): void {
  const { student, teacher: taught, patch: asked } = recipe;
  // the number of classes does not affect a size
  const own = architectureOf(student, 1).geometry;
  const geometry = 'onnx' in taught ? own : jointGeometry(own, architectureOf(taught, 1).geometry);
  const size = zyx(asked.size);
  if (AXES.every(axis => geometry.outputLength(size[axis], axis) !== undefined)) return;
  const nearest = nearestSizes(geometry, size).map(candidate => `[${xyz(candidate).join(', ')}]`);
  const networks = 'onnx' in taught ? 'student' : 'teacher and student';
  context.addIssue({
    code: 'custom',
    path: ['patch', 'size'],
    message:
      nearest.length === 0
        ? `the networks of ${networks} have no size near it that they can take; use fewer levels or smaller kernels`
        : `the networks of ${networks} cannot take it; nearest sizes that work: ${nearest.join(' and ')}`,
  });
}

/** Default division of cases, for commands without a recipe. */
export const defaultSplits: DeepReadonly<z.output<typeof splitFractions>> = splitFractions.parse({});

/** The schema of a recipe with every default. */
export const recipeSchema = recipeShape.superRefine(checkPatch).meta({ title: 'voxstill recipe' });

/** A complete recipe: every default filled in, every alias replaced by its key. */
export type Recipe = DeepReadonly<Mutable>;

/**
 * The recipe as a JSON Schema (draft 7, the one that editors' YAML support reads best), for the input: keys with a
 * default are optional.
 */
export function recipeJsonSchema(): Readonly<Record<string, unknown>> {
  return z.toJSONSchema(recipeSchema, { io: 'input', target: 'draft-7' });
}
