/** The keys of a recipe: its parts, each with a schema of its own, and the keys that stand alone. */
import { z } from 'zod';
import { DEVICES } from '../../runtime/device.ts';
import { augmentSchema } from './augment.ts';
import { cascadeSchema } from './cascade.ts';
import { dataSchema, patchSchema, preprocessSchema } from './data.ts';
import { distillSchema } from './distill.ts';
import { evaluateSchema } from './evaluate.ts';
import { exportSchema } from './export.ts';
import { labelsSchema } from './labels.ts';
import { lossSchema } from './loss.ts';
import { optimizerSchema } from './optimizer.ts';
import { postprocessingSchema } from './postprocessing.ts';
import { externalTeacherSchema, severalTeachersSchema } from './teacher.ts';
import { trainedNetworks } from './trained-network.ts';

const positive = z.number().gt(0);
const count = z.int().min(1);

const startFromTeacher = z
  .enum(['teacher'])
  .nullable()
  .default(null)
  .describe(
    'Start of the student. teacher: the strongest channels of the teacher, by the sum of absolute weights of their filters; both must be of one family and differ in their features alone. The baseline has no teacher and starts at random. null: at random, or from train.from.',
  );

const student = z
  .union(trainedNetworks({ from: startFromTeacher, export: exportSchema }))
  .describe('A network of one of the families, and how it is trained.');

const teacher = z
  .union([...trainedNetworks({}), externalTeacherSchema, severalTeachersSchema])
  .describe('A network to train, or finished models.');

/** Every key of a recipe. What its parts ask of each other is checked by combinations.ts. */
export const recipeShape = z.strictObject({
  data: dataSchema,
  cascade: cascadeSchema,
  preprocess: preprocessSchema.prefault({}),
  patch: patchSchema,
  augment: augmentSchema.prefault({}),
  teacher,
  student,
  loss: lossSchema.prefault({}).describe('Hard loss, the same for all arms.'),
  distill: distillSchema.prefault({}),
  baseline: z
    .boolean()
    .default(true)
    .describe('Whether the network of the student is also trained without a teacher, for comparison.'),
  optimizer: optimizerSchema,
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

/** A recipe as its keys are checked, every default filled in. */
export type RecipeKeys = z.output<typeof recipeShape>;
