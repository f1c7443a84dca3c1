/**
 * Finished ONNX models as teachers. Each sees exactly the augmented patches that the student sees; beyond a patch it
 * sees the patch's smallest value. Whether models fit is checked, and tried on generated patches, before any training
 * starts.
 */
import { mapAxes } from '../core/axes.ts';
import { InputError, VoxstillError, WorkError } from '../core/errors.ts';
import { random } from '../core/random.ts';
import { elementCount, formatShape, type Shape, sameShape } from '../core/shape.ts';
import { tensor } from '../core/tensor.ts';
import type { Batch } from '../data/loader.ts';
import { distillationTerms, teacherLayers } from '../distillation/terms.ts';
import { patchShape } from '../experiment/arm-plan.ts';
import type { Laboratory } from '../experiment/laboratory.ts';
import { hashesOfModels, logNotes, type ModelFile, openModel } from '../experiment/model-file.ts';
import type { PreparedData } from '../experiment/prepare.ts';
import type { LookedFor } from '../experiment/seen-by-folder.ts';
import { allSeen, seenWarnings, witnessesOf } from '../experiment/seen-cases.ts';
import { modelShape } from '../inference/axes.ts';
import { blockedForm } from '../onnx/blocked-form.ts';
import { addOutputs } from '../onnx/edit.ts';
import { assertSafeAsExported, foldedForm, notRecompiled } from '../onnx/folded-form.ts';
import type { Recipe } from '../recipe/schema.ts';
import { isSigmoid } from '../training/hard-loss.ts';
import type { TeacherTensors } from '../training/run-step.ts';
import type { AskedTeacher } from '../training/teacher.ts';
import type { ExternalTeacher } from '../training/teacher-in-step.ts';
import { assertAxisOrder } from './axis-order.ts';
import { assertLayersFit, assertTellsClasses, assertViewFits, readTeacherFiles, takesPatch } from './files.ts';
import { assertKindFits, ensembleLogits, type StudentKind, studentLogits } from './logits.ts';
import { type Asking, askModel, assertActivation, type TeacherModel } from './model.ts';
import { foregroundValues, type ReadTeacher } from './panel.ts';
import { rawIntensities } from './raw-intensities.ts';
import { inNnunetNormalization, inNormalization } from './view.ts';

type Data = Pick<PreparedData, 'dataset' | 'normalize' | 'crop' | 'coarse' | 'train' | 'unlabelled' | 'intensities'> &
  Partial<Pick<PreparedData, 'images' | 'test' | 'val'>>;

/** A teacher with its models open: one, or several whose mean answers. */
interface OpenTeacher extends ReadTeacher {
  readonly models: readonly TeacherModel[];
  /** Number of its classes, as logits of the student's kind. */
  readonly classes: number;
}

/** Values that are the same for every batch. */
interface Classroom extends Asking {
  readonly teachers: readonly OpenTeacher[];
  readonly data: Data;
  readonly kind: StudentKind;
}

function classesOf(teachers: readonly Pick<OpenTeacher, 'classes'>[]): number {
  return teachers.reduce((sum, { classes }) => sum + classes, 0);
}

function assertFinite(values: Float32Array, path: string, id: string): void {
  if (values.every(Number.isFinite)) return;
  throw new WorkError(
    'E_TEACHER_NOT_FINITE',
    `the teacher ${path} gives NaN or infinity for a patch of case "${id}". Look at the case with \`voxstill inspect\`, or leave the model out.`,
  );
}

/** Logits [classes, output] of one teacher for each sample of a batch, and its inner tensors. */
async function askTeacher(
  { entry, models, classes }: OpenTeacher,
  room: Classroom,
  { image, caseIds }: Pick<Batch, 'image' | 'caseIds'>,
): Promise<{ readonly samples: readonly Float32Array[]; readonly features: TeacherTensors['features'] }> {
  const { data, kind } = room;
  const raw = rawIntensities(data, { image, caseIds });
  const bySample: Float32Array[][] = caseIds.map(() => []);
  let inner: TeacherTensors['features'] = {};
  for (const model of models) {
    const { info, path } = model.file;
    const seen =
      info.nnunet === undefined
        ? inNormalization(image, raw, { from: data, to: info })
        : inNnunetNormalization(image, raw, { from: data, to: info.nnunet.normalize });
    const { samples, features } = await askModel(model, seen, room);
    inner = features;
    samples.forEach((values, index) => {
      const logits = studentLogits(values, info, kind);
      assertFinite(logits, path, caseIds[index]!);
      bySample[index]!.push(logits);
    });
  }
  return {
    samples: bySample.map(logits => ensembleLogits(logits, { mean: entry.ensemble, kind, classes })),
    features: inner,
  };
}

/** Logits of all teachers for a batch, one behind the other along the channels, and inner tensors of a single one. */
async function ask(room: Classroom, batch: Pick<Batch, 'image' | 'caseIds'>): Promise<TeacherTensors> {
  const { teachers, output } = room;
  const channels = classesOf(teachers);
  const length = channels * elementCount(output);
  const result = new Float32Array(batch.caseIds.length * length);
  let inner: TeacherTensors['features'] = {};
  let first = 0;
  for (const teacher of teachers) {
    const { samples, features } = await askTeacher(teacher, room, batch);
    inner = features;
    for (const [index, logits] of samples.entries()) result.set(logits, index * length + first * elementCount(output));
    first += teacher.classes;
  }
  return { logits: tensor('float32', result, [batch.caseIds.length, channels, ...output]), features: inner };
}

/** Runs each model once on a generated batch, so that misfits are found now. Returns the shapes of inner tensors. */
async function rehearse(room: Classroom, samples: number): Promise<Record<string, Shape>> {
  const numbers = random(0, 'rehearsal');
  const image = Float32Array.from({ length: samples * elementCount(room.patch) }, () => numbers.uniform());
  let shapes: Record<string, Shape> = {};
  for (const model of room.teachers.flatMap(({ models }) => models)) {
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
 * A model recompiled to the engine's fast kernels for the windows that it will be asked about; undefined if it stays
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
  if (!axes.includes('Z')) {
    if (engine.folded === true) assertSafeAsExported(bytes, path, notRecompiled('it segments planes'));
    return undefined;
  }
  const [channels] = patch;
  const shape = takesPatch(file, patch)
    ? [info.batch ?? samples, ...patch]
    : [info.batch ?? 1, channels, ...info.patch];
  const asked = {
    input: { name: info.inputName, shape: modelShape(shape, axes) },
    outputs: [info.outputName, ...layers],
  };
  const form =
    engine.folded === true ? foldedForm(bytes, asked) : blockedForm(bytes, { ...asked, block: engine.block });
  if (form === undefined || form instanceof Uint8Array) return form;
  if (engine.folded === true) assertSafeAsExported(bytes, path, notRecompiled(form.unsupported));
  progress.log(`teacher: ${path} runs as exported, without the faster 3D kernels: ${form.unsupported}`);
  return undefined;
}

/** Says which classes each teacher knows, where it does not know all of them. */
function logClasses({ taught, entry }: ReadTeacher, progress: Laboratory['progress']): void {
  if (taught.areAll) return;
  const names = taught.labels.map(({ name }) => name).join(', ');
  progress.log(
    entry.key === 'teacher'
      ? `teacher: its classes are ${names}; all others are learnt from the labels alone`
      : `teacher: ${entry.key} knows ${names}; it says nothing of other classes`,
  );
}

/** Everything that the answers depend on, as text. A single teacher is described as before there were several. */
function identityOf({ teachers, data, kind, overlap }: Classroom, { machine }: Laboratory): string {
  // the map to a teacher's normalisation is part of its result for a patch
  const view = [data.normalize, [...data.intensities], ...(data.crop === 'none' ? [] : [data.crop])];
  const described = teachers.map(({ files, entry }) => {
    const facts = files.map(({ bytes, info, groups }) => [machine.sha256(bytes), info, groups]);
    return { facts, ensemble: entry.ensemble, names: entry.classes, weight: entry.weight };
  });
  const [{ facts, ensemble, names }, ...others] = described as [(typeof described)[0], ...typeof described];
  return JSON.stringify(
    others.length === 0
      ? [facts, ensemble, names, kind, overlap, view]
      : [described, teachers.map(({ taught }) => taught.channels), kind, overlap, view],
  );
}

/**
 * Opens the models that the recipe names, and tries them.
 * @throws {InputError} E_TEACHER_FIT naming both sides; as readTeacherFiles and openModel
 * @throws {WorkError} E_TEACHER_NOT_FINITE
 */
export async function openExternalTeacher(laboratory: Laboratory, recipe: Recipe, data: Data): Promise<AskedTeacher> {
  const { engine, files, machine, progress } = laboratory;
  const { teachers: read, notes, warnings: found } = await readTeacherFiles(files, recipe, data);
  for (const note of notes) progress.warn(`teacher: ${note}`);
  const kind: StudentKind = isSigmoid(recipe.loss) ? 'sigmoid' : 'softmax';
  const size = patchShape(recipe.patch.size);
  const patch = [data.dataset.channels.length, size[0], size[1], size[2]] as const;
  const all = read.flatMap(one => one.files);
  const lookedFor = testCasesOf(data);
  const witnesses = await witnessesOf({ files, sha256: machine.sha256 }, all, lookedFor);
  const warnings = [...found, ...seenWarnings(witnesses, { images: lookedFor.images, split: 'test' })];
  for (const { code, message } of warnings) progress.warn(`teacher: ${code}: ${message}`);
  logNotes(all, progress);
  for (const file of all) {
    assertTellsClasses(file);
    assertViewFits(file, recipe, data);
    assertKindFits(file.path, file.info, kind);
  }
  for (const one of read) logClasses(one, progress);
  const layers = teacherLayers(distillationTerms(recipe.distill.losses));
  assertLayersFit(all, layers, patch);
  const given = all.map(file => (takesPatch(file, patch) ? (file.info.output ?? size) : size));
  const samples = recipe.student.train.batch + recipe.distill.unlabelled.batch;
  const open: TeacherModel[] = [];
  const close = async (): Promise<void> => {
    for (const { session } of open) await session.dispose();
  };
  const openOne = async (file: ModelFile): Promise<TeacherModel> => {
    const asked = addOutputs(file.bytes, layers, file.path);
    const bytes = fasterForm(laboratory, asked, { file, patch, layers, samples }) ?? asked;
    const model = { file, session: await openModel(engine, { ...file, bytes }) };
    open.push(model);
    return model;
  };
  try {
    const teachers: OpenTeacher[] = [];
    for (const one of read) {
      const models: TeacherModel[] = [];
      for (const file of one.files) models.push(await openOne(file));
      teachers.push({ ...one, models, classes: one.taught.channels.length });
    }
    const room: Classroom = {
      teachers,
      data,
      kind,
      patch,
      overlap: recipe.evaluate.overlap,
      output: mapAxes(axis => Math.min(...given.map(each => each[axis]))),
      layers,
    };
    const features = await rehearse(room, samples);
    for (const one of read) {
      const known = foregroundValues(one);
      for (const file of one.files) await assertAxisOrder(laboratory, file, { data, overlap: room.overlap, known });
    }
    const sha256 = machine.sha256(new TextEncoder().encode(identityOf(room, laboratory)));
    const answerShape = [samples, classesOf(teachers), ...room.output];
    const inStep = { features, ...(!sameShape(room.output, size) && { output: room.output }), ...knownIn(teachers) };
    const seenImages = allSeen(witnesses);
    const modelHashes = hashesOfModels(machine, all);
    const call: AskedTeacher['call'] = (_, batch) => ask(room, batch);
    return { sha256, modelHashes, inStep, answerShape, call, close, seenImages, warnings };
  } catch (error) {
    await close();
    throw error;
  }
}

/** The test cases of a study, which its teachers should not have seen. */
function testCasesOf({ images, test = [] }: Data): LookedFor {
  const hashes = test.flatMap(({ id }) => {
    const hash = images?.get(id);
    return hash === undefined ? [] : [[id, hash] as const];
  });
  return { cases: test, images: new Map(hashes) };
}

/** What the teachers know, for the step. */
function knownIn(teachers: readonly ReadTeacher[]): Pick<ExternalTeacher, 'classes' | 'panel'> {
  const [{ taught }, ...others] = teachers as readonly [ReadTeacher, ...ReadTeacher[]];
  if (others.length > 0) {
    return { panel: teachers.map(one => ({ classes: one.taught.channels, weight: one.entry.weight })) };
  }
  return taught.areAll ? {} : { classes: taught.channels };
}
