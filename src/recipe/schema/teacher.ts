/**
 * The part of a recipe's schema for finished models as teachers, with its defaults. Its facts about a model override
 * those of the file.
 */
import { z } from 'zod';
import type { DeepReadonly } from '../../core/deep-readonly.ts';
import { AXIS_ORDERS } from '../../inference/axes.ts';
import { CROPS } from '../../volume/nonzero.ts';
import { normalizationSchema } from './normalization.ts';

const className = z.union([z.string().min(1), z.int().min(0)]);
const count = z.int().min(1);
const positive = z.number().gt(0);

const model = z
  .strictObject({
    labels: z
      .array(className)
      .min(1)
      .nullable()
      .default(null)
      .describe('Classes in the order of the output channels, by name or value.'),
    activation: z
      .enum(['softmax', 'sigmoid', 'none'])
      .nullable()
      .default(null)
      .describe('Function that turns the output into probabilities; none for an output of probabilities.'),
    normalize: normalizationSchema
      .nullable()
      .default(null)
      .describe('Normalisation of intensities in its training, as preprocess.normalize.'),
    crop: z
      .enum(CROPS)
      .nullable()
      .default(null)
      .describe('What was cut away of the volumes in its training, as preprocess.crop.'),
    spacingMm: z
      .tuple([positive, positive, positive])
      .nullable()
      .default(null)
      .describe('Voxel size in millimetres in its training, x, y, z.'),
    size: z
      .tuple([count, count, count])
      .nullable()
      .default(null)
      .describe('Size in voxels of its window, x, y, z; null takes that of the file, and patch.size for dynamic axes.'),
    axes: z.enum(AXIS_ORDERS).nullable().default(null).describe('Order of the axes of its input.'),
    inputName: z.string().min(1).nullable().default(null).describe('Name of the input, of several.'),
    outputName: z.string().min(1).nullable().default(null).describe('Name of the output, of several.'),
  })
  .prefault({})
  .describe('Facts about all the models, which win over those in their files; null takes those of the files.')
  .meta({ id: 'finishedModel' });

/** `teacher` of a recipe with finished models that know the same classes. */
export const externalTeacherSchema = z.strictObject({
  onnx: z
    .union([z.string().min(1), z.array(z.string().min(1)).min(1)])
    .describe(
      'Path of a model file, or of the folder of a run, which stands for its teachers of all seeds; several for an ensemble.',
    ),
  ensemble: z
    .enum(['probability', 'logits'])
    .default('probability')
    .describe('Quantity that is averaged over several models.'),
  classes: z
    .record(z.string(), z.union([className, z.array(className).min(1)]))
    .default({})
    .describe(
      'Class of the data for each class of the teacher with another name, { left: hippocampus, right: hippocampus, tumour: background }; classes that share one are added up. A list covers several classes, { hippocampus: [Anterior, Posterior] }, which the soft terms then compare as one.',
    ),
  seenTestCases: z
    .enum(['warn', 'leave-out'])
    .default('warn')
    .describe(
      'Models that were trained on test cases of the student, chosen by them or taught with them, as the folds of a cross-validation are. warn: they teach, and a warning says which cases they saw. leave-out: they neither teach nor are scored as the teacher, fold by fold; it is an error if none is left. Models that do not say what they saw, such as those from elsewhere, are never left out, and the log says so.',
    ),
  model,
});

/** `teacher` of a recipe with several finished teachers that know different classes. */
export const severalTeachersSchema = z.strictObject({
  models: z
    .array(
      externalTeacherSchema.extend({
        weight: positive
          .default(1)
          .describe(
            'Weight of this teacher relative to the others: a term is the weighted mean of what it is for each teacher.',
          ),
      }),
    )
    .min(1)
    .describe(
      'Teachers that know different classes, in place of teacher.onnx. Each has the keys of a single one and a weight. A class of the data that a teacher does not name counts as part of its background.',
    ),
});

/** The settings of one finished teacher: a model, or an ensemble of models that know the same classes. */
export type FinishedTeacher = DeepReadonly<z.output<typeof externalTeacherSchema>>;

/** The settings of several finished teachers. */
type SeveralTeachers = DeepReadonly<z.output<typeof severalTeachersSchema>>;

/** A finished teacher with its weight beside the others, and its keys in the recipe. */
export interface TeacherEntry extends FinishedTeacher {
  readonly weight: number;
  /** Path of its keys in the recipe: `teacher`, or `teacher.models.0`. */
  readonly key: string;
}

/** Whether the teacher of a recipe is finished, rather than a network to train. */
export function isFinished(teacher: object): teacher is FinishedTeacher | SeveralTeachers {
  return 'onnx' in teacher || 'models' in teacher;
}

/** The finished teachers of a recipe, one by one. */
export function teacherEntries(teacher: FinishedTeacher | SeveralTeachers): readonly TeacherEntry[] {
  return 'onnx' in teacher
    ? [{ ...teacher, weight: 1, key: 'teacher' }]
    : teacher.models.map((one, index) => ({ ...one, key: `teacher.models.${index}` }));
}
