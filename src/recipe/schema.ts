/**
 * The schema of a recipe. It and its parts in this folder hold the only defaults of the program: other code
 * has no defaults, and a resolved recipe contains every value. Objects are strict, so a misspelt key is an error and
 * never a silent default.
 * Triples are in x, y, z order. Does not know about files or text; see parse.ts.
 */

import { z } from 'zod';
import { AXES, xyz, zyx } from '../core/axes.ts';
import type { DeepReadonly } from '../core/deep-readonly.ts';
import type { Xyz } from '../core/shape.ts';
import { fixedWeights, WEIGHTS } from '../distillation/settings.ts';
import { type Geometry, jointGeometry, nearestSizes } from '../nn/geometry.ts';
import { DEVICES } from '../runtime/device.ts';
import { withPresetValues } from './augment-preset.ts';
import { architectureOf } from './network.ts';
import { augmentSchema } from './schema/augment.ts';
import { cascadeSchema } from './schema/cascade.ts';
import { dataSchema, patchSchema, preprocessSchema, splitFractions } from './schema/data.ts';
import { distillSchema } from './schema/distill.ts';
import { evaluateSchema } from './schema/evaluate.ts';
import { exportSchema } from './schema/export.ts';
import { labelsSchema } from './schema/labels.ts';
import { postprocessingSchema } from './schema/postprocessing.ts';
import { externalTeacherSchema, isFinished, severalTeachersSchema } from './schema/teacher.ts';
import { scheduleSchema } from './schema/train.ts';
import { trainedNetworks } from './schema/trained-network.ts';

const positive = z.number().gt(0);
const nonNegative = z.number().min(0);
const count = z.int().min(1);

/** Fewest levels of a decoder of which one besides the finest and the lowest is left for deep supervision. */
const SUPERVISED_DECODER = 3;

const startFromTeacher = z
  .enum(['teacher'])
  .nullable()
  .default(null)
  .describe(
    'Start of the student. teacher: the strongest channels of the teacher, by the sum of absolute weights of their filters; both must be of one family and differ in their features alone. The baseline has no teacher and starts at random. null: at random, or from train.from.',
  );

const arm = z
  .union(trainedNetworks({ from: startFromTeacher, export: exportSchema }))
  .describe('A network of one of the families, and how it is trained.');

const teacher = z
  .union([...trainedNetworks({}), externalTeacherSchema, severalTeachersSchema])
  .describe('A network to train, or finished models.');

const loss = z
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

const optimizer = z
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

const recipeShape = z.strictObject({
  data: dataSchema,
  cascade: cascadeSchema,
  preprocess: preprocessSchema.prefault({}),
  patch: patchSchema,
  augment: augmentSchema.prefault({}),
  teacher,
  student: arm,
  loss: loss.prefault({}).describe('Hard loss, the same for all arms.'),
  distill: distillSchema.prefault({}),
  baseline: z
    .boolean()
    .default(true)
    .describe('Whether the network of the student is also trained without a teacher, for comparison.'),
  optimizer,
  seeds: z
    .array(z.int().min(0))
    .min(1)
    .refine(seeds => new Set(seeds).size === seeds.length, 'a seed is listed twice')
    .default([1])
    .describe('Seeds: every arm is trained once per seed, which sets initial weights, patches and variations.'),
  evaluate: evaluateSchema.prefault({}),
  compare: z
    .strictObject({
      margin: positive
        .lt(1)
        .nullable()
        .default(null)
        .describe(
          'Largest loss of mean Dice against the teacher that does not matter: the student is judged on the test cases as not worse, worse, or neither. A run keeps the margin that it began with, so it cannot be chosen by the results. null: no such test.',
        ),
    })
    .prefault({})
    .describe('How results are judged. Part of the recipe before the run begins, so it cannot be chosen by them.'),
  labels: labelsSchema.prefault({}),
  groups: z
    .strictObject({
      file: z
        .string()
        .min(1)
        .describe(
          'Path of a CSV file with a column case and one column for each way to group (site, scanner, sex, age band). Report and comparison.json have a table of each and the worst group of every arm with its interval; the run keeps a copy as groups.csv.',
        ),
    })
    .nullable()
    .default(null)
    .describe('Groups of cases that are scored apart; null scores all cases together.'),
  postprocess: z
    .union([z.enum(['auto', 'none']), postprocessingSchema])
    .default('auto')
    .describe(
      'Steps applied to segmentations before they are scored or written, stored with the model. auto: hole filling, a minimum volume (half of the smallest component of the class in the references) and the largest component, in this order, per class; a step is kept only if it raises the mean Dice of the class on at least 10 validation cases, loses no case more than 0.01, and a paired Wilcoxon test supports the gain (p < 0.05). By class name: { Anterior: { fillHoles: true, minimumVolumeMm3: 20, largestComponent: true } }. Components touch by faces, edges or corners (26); holes are closed by faces (6).',
    ),
  decode: z
    .enum(['argmax', 'validated'])
    .default('argmax')
    .describe(
      'How probabilities become labels, stored with the model. argmax: the most likely class. validated: a threshold per class, tried from 0.05 to 0.95 on the validation cases by mean Dice; a class counts (1 - t) / t times, so that, against the background alone, it wins from the share t of their joint probability on. A threshold is kept only if it raises the mean Dice of at least 10 validation cases that did not choose it, loses none of them more than 0.01, and a paired Wilcoxon test supports the gain (p < 0.05); otherwise the most likely class wins, and a line says so. Not for regions.',
    ),
  device: z
    .enum(DEVICES)
    .default('cpu')
    .describe(
      'What computes: cpu, the processor; webgpu or cuda, a graphics card; auto, the fastest of them that computes correctly when the command starts. Results differ between devices by rounding.',
    ),
  threads: count.nullable().default(null).describe('Number of threads per operator; null takes one per core.'),
});

type Mutable = z.output<typeof recipeShape>;

/** Checks that networks accept a patch. */
function checkSize(
  asked: Xyz,
  {
    geometry,
    networks,
    path,
    context,
  }: {
    readonly geometry: Geometry;
    /** Whose they are, in words. */
    readonly networks: string;
    readonly path: string[];
    readonly context: z.RefinementCtx<Mutable>;
  },
): void {
  const size = zyx(asked);
  if (AXES.every(axis => geometry.outputLength(size[axis], axis) !== undefined)) return;
  const nearest = nearestSizes(geometry, size).map(candidate => `[${xyz(candidate).join(', ')}]`);
  context.addIssue({
    code: 'custom',
    path,
    message:
      nearest.length === 0
        ? `the ${networks} have no size near it that they can take; use fewer levels or smaller kernels`
        : `the ${networks} cannot take it; nearest sizes that work: ${nearest.join(' and ')}`,
  });
}

/** Checks that every trained network accepts its patch, and that the results of two networks have the same centre. */
function checkPatch(recipe: Mutable, context: z.RefinementCtx<Mutable>): void {
  // a number out of its range leaves the settings around it as they were written, without defaults
  if (context.issues.length > 0) return;
  const { student, teacher: taught, patch, cascade } = recipe;
  // the number of classes does not affect a size
  const own = architectureOf(student, 1).geometry;
  const isAlone = isFinished(taught);
  checkSize(patch.size, {
    geometry: isAlone ? own : jointGeometry(own, architectureOf(taught, 1).geometry),
    networks: isAlone ? 'networks of student' : 'networks of teacher and student',
    path: ['patch', 'size'],
    context,
  });
  if (cascade === null || typeof cascade.coarse === 'string') return;
  checkSize(cascade.coarse.patch.size, {
    geometry: architectureOf(cascade.coarse, 1).geometry,
    networks: 'network of the coarse stage',
    path: ['cascade', 'coarse', 'patch', 'size'],
    context,
  });
}

/** Refuses deep supervision of a network without a decoder of which a coarser level counts. */
function checkDeepSupervision(recipe: Mutable, context: z.RefinementCtx<Mutable>): void {
  if (context.issues.length > 0) return;
  const { student, teacher: taught, cascade } = recipe;
  const coarse = cascade === null || typeof cascade.coarse === 'string' ? {} : { 'cascade.coarse': cascade.coarse };
  for (const [key, settings] of Object.entries({ teacher: taught, student, ...coarse })) {
    if (isFinished(settings) || !settings.train.deepSupervision) continue;
    if (architectureOf(settings, 1).decoder.length >= SUPERVISED_DECODER) continue;
    context.addIssue({
      code: 'custom',
      path: [...key.split('.'), 'train', 'deepSupervision'],
      message:
        'needs a unet, residualUnet or generalizedUnet (padding: same) of at least 4 levels: the finest level of the decoder has the loss anyway, and the lowest does not count',
    });
  }
}

/**
 * Refuses a teacher with labels of its own where the normalisation is measured on the training cases: teacher and
 * student would be given different images.
 */
function checkTeacherLabels(recipe: Mutable, context: z.RefinementCtx<Mutable>): void {
  const { data, preprocess, teacher: taught } = recipe;
  if (data.splits.teacherLabels === 'same' || isFinished(taught) || ![preprocess.normalize].flat().includes('ct'))
    return;
  context.addIssue({
    code: 'custom',
    path: ['data', 'splits', 'teacherLabels'],
    message:
      'normalize: ct is measured on the training cases, which differ between teacher and student here; give its numbers, { ct: { low, high, mean, deviation } }, or train the teacher alone and name its file as teacher.onnx',
  });
}

/** Refuses what painted images cannot have: left and right where axes are not turned, and intensities of CT. */
function checkSynthesis({ data, preprocess }: Mutable, context: z.RefinementCtx<Mutable>): void {
  if (data.synthesize === null) return;
  if (preprocess.crop !== 'none') {
    const message =
      'cannot be combined with data.synthesize: what is painted has no voxels that were set to 0 for all images alike';
    context.addIssue({ code: 'custom', path: ['preprocess', 'crop'], message });
  }
  if (preprocess.orientation !== 'canonical') {
    const message = 'data.synthesize needs canonical axes, since it mirrors left and right';
    context.addIssue({ code: 'custom', path: ['preprocess', 'orientation'], message });
  }
  if ([preprocess.normalize].flat().some(method => method === 'ct' || typeof method === 'object')) {
    const message = 'painted images (data.synthesize) have no unit; use min-max, percentile or z-score';
    context.addIssue({ code: 'custom', path: ['preprocess', 'normalize'], message });
  }
}

/** Refuses a student with two starts, and one that is to start from several teachers. */
function checkStart({ student: own, teacher: taught }: Mutable, context: z.RefinementCtx<Mutable>): void {
  if (own.from === null) return;
  const refuse = (message: string): void => context.addIssue({ code: 'custom', path: ['student', 'from'], message });
  if (own.train.from !== null) refuse('cannot be combined with student.train.from; choose one start');
  if ('models' in taught || ('onnx' in taught && [taught.onnx].flat().length > 1)) {
    refuse('the student can start from one teacher alone, and there are several');
  }
}

/** Refuses training without labelled patches where something needs them: only a student can learn without labels. */
function checkLabelledPatches(recipe: Mutable, context: z.RefinementCtx<Mutable>): void {
  const { student: own, teacher: taught, baseline, distill, cascade } = recipe;
  const refuse = (path: string[], message: string): void => context.addIssue({ code: 'custom', path, message });
  if (!isFinished(taught) && taught.train.batch === 0) refuse(['teacher', 'train', 'batch'], 'must be at least 1');
  if (cascade !== null && typeof cascade.coarse !== 'string' && cascade.coarse.train.batch === 0) {
    refuse(['cascade', 'coarse', 'train', 'batch'], 'must be at least 1');
  }
  if (own.train.batch > 0) return;
  if (distill.unlabelled.batch === 0) {
    refuse(['student', 'train', 'batch'], 'is 0, so distill.unlabelled.batch must be at least 1');
  }
  if (baseline) refuse(['baseline'], 'must be false where student.train.batch is 0: without labels it has no target');
  if (own.train.deepSupervision) {
    refuse(['student', 'train', 'deepSupervision'], 'needs labelled patches, but train.batch is 0');
  }
}

/** Default division of cases, for commands without a recipe. */
export const defaultSplits: DeepReadonly<z.output<typeof splitFractions>> = splitFractions.parse({});

/** The schema of a recipe with every default. */
export const recipeSchema = z
  .preprocess(
    withPresetValues,
    recipeShape
      .superRefine(checkPatch)
      .superRefine(checkDeepSupervision)
      .superRefine(checkTeacherLabels)
      .superRefine(checkSynthesis)
      .superRefine(checkStart)
      .superRefine(checkLabelledPatches),
  )
  .meta({ title: 'voxstill recipe' });

/** A complete recipe: every default filled in, every alias replaced by its key. */
export type Recipe = DeepReadonly<Mutable>;

/**
 * The recipe as a JSON Schema (draft 7, the one that editors' YAML support reads best), for the input: keys with a
 * default are optional.
 */
export function recipeJsonSchema(): Readonly<Record<string, unknown>> {
  return z.toJSONSchema(recipeSchema, { io: 'input', target: 'draft-7' });
}
