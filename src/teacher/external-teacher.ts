/**
 * Finished ONNX models as teachers. Each sees exactly the augmented patches that the student sees; beyond a patch it
 * sees the patch's smallest value. Whether models fit is checked, and tried on generated patches, before any training
 * starts.
 */
import { mapAxes } from '../core/axes.ts';
import { InputError, invariant, VoxstillError, WorkError } from '../core/errors.ts';
import { random } from '../core/random.ts';
import { elementCount, formatShape, type Shape, sameShape } from '../core/shape.ts';
import { tensor } from '../core/tensor.ts';
import type { Batch } from '../data/loader.ts';
import { distillationTerms, teacherLayers } from '../distillation/terms.ts';
import { patchShape } from '../experiment/arm-plan.ts';
import type { Laboratory } from '../experiment/laboratory.ts';
import { logNotes, type ModelFile, openModel } from '../experiment/model-file.ts';
import type { PreparedData } from '../experiment/prepare.ts';
import { modelShape } from '../inference/axes.ts';
import { blockedForm } from '../onnx/blocked-form.ts';
import { addOutputs } from '../onnx/edit.ts';
import type { Recipe } from '../recipe/schema.ts';
import { isSigmoid } from '../training/hard-loss.ts';
import type { AskedTeacher } from '../training/teacher.ts';
import type { ExternalTeacher } from '../training/teacher-in-step.ts';
import type { TeacherTensors } from '../training/trainer.ts';
import { assertAxisOrder } from './axis-order.ts';
import { assertLayersFit, assertTellsClasses, assertViewFits, readTeacherFiles, takesPatch } from './files.ts';
import { assertKindFits, ensembleLogits, type StudentKind, studentLogits } from './logits.ts';
import { type Asking, askModel, assertActivation, type TeacherModel } from './model.ts';
import { inNnunetNormalization, inNormalization } from './view.ts';

type Settings = Extract<Recipe['teacher'], { readonly onnx: unknown }>;
type Data = Pick<PreparedData, 'dataset' | 'normalize' | 'train' | 'unlabelled' | 'intensities'>;

/** Values that are the same for every batch. */
interface Classroom extends Asking {
  readonly models: readonly TeacherModel[];
  readonly data: Data;
  readonly mean: Settings['ensemble'];
  readonly kind: StudentKind;
  /** Number of classes of the teachers, as logits of the student's kind. */
  readonly classes: number;
}

function assertFinite(values: Float32Array, path: string, id: string): void {
  if (values.every(Number.isFinite)) return;
  throw new WorkError(
    'E_TEACHER_NOT_FINITE',
    `the teacher ${path} gives NaN or infinity for a patch of case "${id}". Look at the case with \`voxstill inspect\`, or leave the model out.`,
  );
}

/** Logits and inner tensors of the teachers for a batch. */
async function ask(room: Classroom, { image, caseIds }: Pick<Batch, 'image' | 'caseIds'>): Promise<TeacherTensors> {
  const { models, data, kind, classes, mean, output } = room;
  const raw = caseIds.map(id => data.intensities.get(id) ?? []);
  const bySample: Float32Array[][] = caseIds.map(() => []);
  let inner: TeacherTensors['features'] = {};
  for (const model of models) {
    const { info, path } = model.file;
    const from = data.normalize;
    const seen =
      info.nnunet === undefined
        ? inNormalization(image, raw, { from, to: info.normalize })
        : inNnunetNormalization(image, raw, { from, to: info.nnunet.normalize });
    const { samples, features } = await askModel(model, seen, room);
    inner = features;
    samples.forEach((values, index) => {
      const logits = studentLogits(values, info, kind);
      assertFinite(logits, path, caseIds[index]!);
      bySample[index]!.push(logits);
    });
  }
  const length = classes * elementCount(output);
  const result = new Float32Array(caseIds.length * length);
  bySample.forEach((logits, index) => {
    result.set(ensembleLogits(logits, { mean, kind, classes }), index * length);
  });
  return { logits: tensor('float32', result, [caseIds.length, classes, ...output]), features: inner };
}

/** Runs each model once on a generated batch, so that misfits are found now. Returns the shapes of inner tensors. */
async function rehearse(room: Classroom, samples: number): Promise<Record<string, Shape>> {
  const numbers = random(0, 'rehearsal');
  const image = Float32Array.from({ length: samples * elementCount(room.patch) }, () => numbers.uniform());
  let shapes: Record<string, Shape> = {};
  for (const model of room.models) {
    const { path } = model.file;
    try {
      const { samples: outputs, features } = await askModel(model, image, room);
      assertFinite(outputs[0]!, path, 'a generated patch');
      assertActivation(outputs[0]!, model.file);
      shapes = Object.fromEntries(Object.entries(features).map(([name, { shape }]) => [name, shape]));
    } catch (cause) {
      if (!(cause instanceof VoxstillError) || cause.code === 'E_TEACHER_NOT_FINITE') throw cause;
      const size = formatShape(room.patch.slice(1));
      throw new InputError(
        cause.code === 'E_NOT_FINITE' ? 'E_TEACHER_NOT_FINITE' : 'E_TEACHER_FIT',
        `${path} cannot teach here, with patches of ${size} voxels (z, y, x): ${cause.message}`,
        { cause },
      );
    }
  }
  return shapes;
}

/** The request to a model, the same for every batch. */
interface Question extends Pick<Asking, 'patch' | 'layers'> {
  readonly file: ModelFile;
  readonly samples: number;
}

/**
 * A model recompiled to the engine's blocked kernels for the windows that it will be asked about; undefined if it stays
 * unchanged.
 */
function fasterForm(
  { engine, progress }: Laboratory,
  bytes: Uint8Array,
  { file, patch, layers, samples }: Question,
): Uint8Array | undefined {
  const { info, metadata, path } = file;
  const { axes } = metadata;
  // of planes ONNX Runtime takes fast kernels by itself
  if (!axes.includes('Z')) return undefined;
  const [channels] = patch;
  const shape = takesPatch(file, patch)
    ? [info.batch ?? samples, ...patch]
    : [info.batch ?? 1, channels, ...info.patch];
  const form = blockedForm(bytes, {
    block: engine.block,
    input: { name: info.inputName, shape: modelShape(shape, axes) },
    outputs: [info.outputName, ...layers],
  });
  if (form === undefined || form instanceof Uint8Array) return form;
  progress.log(`teacher: ${path} runs as exported, without the faster 3D kernels: ${form.unsupported}`);
  return undefined;
}

/**
 * Opens the models that the recipe names, and tries them.
 * @throws {InputError} E_TEACHER_FIT naming both sides; as readTeacherFiles and openModel
 * @throws {WorkError} E_TEACHER_NOT_FINITE
 */
export async function openExternalTeacher(laboratory: Laboratory, recipe: Recipe, data: Data): Promise<AskedTeacher> {
  const { engine, files, machine } = laboratory;
  invariant('onnx' in recipe.teacher, 'the teacher is not a finished model');
  const { ensemble, classes: names } = recipe.teacher;
  const { files: all, taught, notes } = await readTeacherFiles(files, recipe, data);
  for (const note of notes) laboratory.progress.warn(`teacher: ${note}`);
  const kind: StudentKind = isSigmoid(recipe.loss) ? 'sigmoid' : 'softmax';
  const size = patchShape(recipe.patch.size);
  const patch = [data.dataset.channels.length, size[0], size[1], size[2]] as const;
  logNotes(all, laboratory.progress);
  for (const file of all) {
    assertTellsClasses(file);
    assertViewFits(file, recipe, data);
    assertKindFits(file.path, file.info, kind);
  }
  if (!taught.areAll) {
    const names = taught.labels.map(({ name }) => name).join(', ');
    laboratory.progress.log(`teacher: its classes are ${names}; all others are learnt from the labels alone`);
  }
  const layers = teacherLayers(distillationTerms(recipe.distill.losses));
  assertLayersFit(all, layers, patch);
  const given = all.map(file => (takesPatch(file, patch) ? (file.info.output ?? size) : size));
  const samples = recipe.student.train.batch + recipe.distill.unlabelled.batch;
  const models: TeacherModel[] = [];
  const close = async (): Promise<void> => {
    for (const { session } of models) await session.dispose();
  };
  try {
    for (const file of all) {
      const asked = addOutputs(file.bytes, layers, file.path);
      const bytes = fasterForm(laboratory, asked, { file, patch, layers, samples }) ?? asked;
      models.push({ file, session: await openModel(engine, { ...file, bytes }) });
    }
    const room: Classroom = {
      models,
      data,
      mean: ensemble,
      kind,
      classes: taught.channels.length,
      patch,
      overlap: recipe.evaluate.overlap,
      output: mapAxes(axis => Math.min(...given.map(each => each[axis]))),
      layers,
    };
    const features = await rehearse(room, samples);
    for (const file of all) await assertAxisOrder(laboratory, file, { data, overlap: room.overlap });
    const inStep: ExternalTeacher = {
      features,
      ...(!sameShape(room.output, size) && { output: room.output }),
      ...(!taught.areAll && { classes: taught.channels }),
    };
    const facts = all.map(({ bytes, info, groups }) => [machine.sha256(bytes), info, groups]);
    // the map to a teacher's normalisation is part of its result for a patch
    const view = [data.normalize, [...data.intensities]];
    const identity = JSON.stringify([facts, ensemble, names, kind, room.overlap, view]);
    const sha256 = machine.sha256(new TextEncoder().encode(identity));
    const answerShape = [samples, room.classes, ...room.output];
    return { sha256, inStep, answerShape, call: (_, batch) => ask(room, batch), close };
  } catch (error) {
    await close();
    throw error;
  }
}
