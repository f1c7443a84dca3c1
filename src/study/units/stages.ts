/** The stages of a unit: trains an arm unless it is trained, and evaluates it unless it is evaluated. */

import { InputError } from '../../core/errors.ts';
import { formatShare } from '../../core/format.ts';
import type { Splits } from '../../data/splits.ts';
import { distillationTerms, teacherLayers } from '../../distillation/terms.ts';
import { trainArm } from '../../experiment/arm.ts';
import { isTrained } from '../../experiment/arm-content.ts';
import { trainedModel } from '../../experiment/arm-on-data.ts';
import { assertHistoryWhole } from '../../experiment/arm-store.ts';
import { assertDistillationFits } from '../../experiment/distillation-fit.ts';
import { type EvaluateOptions, evaluateModel, modelHash } from '../../experiment/evaluate.ts';
import { readEvaluation } from '../../experiment/evaluation-file.ts';
import { hashesOfModels, type ModelFile, readModelFile } from '../../experiment/model-file.ts';
import { coarseFilesApart, coarseOf } from '../../experiment/open-cascade.ts';
import type { PreparedData } from '../../experiment/prepare.ts';
import type { Evaluation } from '../../experiment/record.ts';
import { startFile } from '../../experiment/start/source.ts';
import { assertLiesInTeacher, openStart, startsFromModel, startsFromTeacher } from '../../experiment/start/start.ts';
import { assertValidates } from '../../experiment/watched-validation.ts';
import { externalTeacherSchema, isFinished, teacherEntries } from '../../recipe/schema/teacher.ts';
import type { Recipe } from '../../recipe/schema.ts';
import { holdFiles, pathsIn } from '../../runtime/held-files.ts';
import { formatJson, writeJson } from '../../runtime/json-file.ts';
import { openExternalTeacher } from '../../teacher/external-teacher.ts';
import { readTeacherFiles } from '../../teacher/files.ts';
import { jointClasses, type ReadTeacher } from '../../teacher/panel.ts';
import { withSoftLabels } from '../../teacher/soft-labels.ts';
import { isSigmoid } from '../../training/hard-loss.ts';
import type { Teacher } from '../../training/teacher.ts';
import { STAGES, stateOfStage, writtenBy } from './changed-results.ts';
import type { StudyContext, UnitContext } from './context.ts';
import { knownScores } from './finished-teacher.ts';
import { noteResults } from './noted-results.ts';
import type { Unit } from './unit.ts';

async function timed<T>(
  { laboratory, timingsSeconds }: UnitContext,
  stage: string,
  work: () => Promise<T>,
): Promise<T> {
  const started = laboratory.machine.elapsedMs();
  try {
    return await work();
  } finally {
    timingsSeconds[stage] = (timingsSeconds[stage] ?? 0) + (laboratory.machine.elapsedMs() - started) / 1000;
  }
}

/** A teacher that was trained here, as a frozen part of the student's step. */
async function ownTeacher({ laboratory, dataOf, signal }: StudyContext, unit: Unit): Promise<Teacher> {
  const { files, machine } = laboratory;
  const { folder, recipe, arm, seed } = unit;
  if (!(await files.exists(folder.model))) {
    throw new InputError(
      'E_TEACHER_MISSING',
      `there is no finished teacher in ${folder.folder}. Train it first: voxstill train ... --arm teacher`,
    );
  }
  const data = await dataOf(unit);
  const own = await trainedModel({ laboratory, recipe, data, arm, seed, folder, label: unit.label, signal });
  const sha256 = machine.sha256(new Uint8Array(own.theta.buffer, own.theta.byteOffset, own.theta.byteLength));
  return { sha256, inStep: own, call: undefined, close: async () => {} };
}

/** The recipe with the run's own teacher as a finished model. */
function withFinishedTeacher(recipe: Recipe, { folder }: Unit): Recipe {
  return { ...recipe, teacher: externalTeacherSchema.parse({ onnx: folder.model }) };
}

/**
 * Whether the teacher's logits are stored; also called before training, for its error. `auto` never stores those of a
 * teacher that was trained here, since only this run could use them.
 * @throws {InputError} E_DISTILL if they must be stored but cannot be
 */
function keepsSoftLabels(recipe: Recipe): boolean {
  const { softLabels } = recipe.distill;
  const layers = teacherLayers(distillationTerms(recipe.distill.losses));
  if (softLabels === 'cache' && layers.length > 0) {
    throw new InputError(
      'E_DISTILL',
      `distill.softLabels is cache, which stores logits only, but some terms need the layers ${layers.join(', ')} of the teacher. Set it to step or auto.`,
    );
  }
  return softLabels === 'cache' || (softLabels === 'auto' && layers.length === 0 && isFinished(recipe.teacher));
}

/** Opens the models that teach a student: the teacher of the run, or those that the recipe names. */
async function openTeacher(context: StudyContext, unit: Unit, data: PreparedData): Promise<Teacher> {
  const { recipe, teacher } = unit;
  const { laboratory } = context;
  const keeps = keepsSoftLabels(recipe);
  if (!isFinished(recipe.teacher) && !keeps) return ownTeacher(context, teacher as Unit);
  const finished = isFinished(recipe.teacher) ? recipe : withFinishedTeacher(recipe, teacher as Unit);
  const opened = await openExternalTeacher(laboratory, finished, data);
  if (isFinished(recipe.teacher)) context.holdSettings(opened.modelHashes);
  for (const warning of opened.warnings ?? []) context.warnings.set(warning.message, warning);
  if (!keeps) return opened;
  const { cache, softLabels } = recipe.distill;
  return withSoftLabels(opened, {
    files: laboratory.files,
    folder: cache.folder,
    limitBytes: cache.limitMB * 1e6,
    isMeasured: softLabels === 'auto',
    sha256: bytes => laboratory.machine.sha256(bytes),
    elapsedMs: () => laboratory.machine.elapsedMs(),
    log: message => laboratory.progress.log(message),
  });
}

/**
 * What is known of the data of a unit before its coarse stage is trained: everything but its cases, whose regions are
 * still to be found.
 */
async function outlineOf(context: StudyContext, coarse: Unit): Promise<PreparedData> {
  return { ...(await context.dataOf(coarse)), train: [], val: [], unlabelled: [] };
}

/**
 * Checks that an unfinished unit can be trained: that there are validation cases if its training follows them, that it
 * can start from the model that it names, and that a student can learn from its teacher.
 * @param options whether the units that it needs are still to be trained, so that they need not exist
 * @throws {InputError} E_NO_CASES, E_START, E_COARSE_MISSING, E_TEACHER_MISSING, E_TEACHER_FIT, E_LAYER, E_DISTILL,
 * E_SHAPE, and the
 *   errors of reading models
 */
export async function checkUnit(
  context: StudyContext,
  unit: Unit,
  { isTeacherPlanned }: { readonly isTeacherPlanned: boolean },
): Promise<void> {
  const { arm, recipe, folder, coarse } = unit;
  const { files } = context.laboratory;
  if (await files.exists(folder.model)) return;
  if (arm === 'student') keepsSoftLabels(recipe);
  const isCoarsePlanned = coarse !== undefined && isTeacherPlanned && !(await files.exists(coarse.folder.model));
  const data = isCoarsePlanned ? await outlineOf(context, coarse) : await context.dataOf(unit);
  for (const one of isTeacherPlanned && arm !== 'coarse' ? [arm, 'teacher' as const] : [arm])
    assertValidates(recipe, one, data.splits);
  if (startsFromModel(unit)) await checkStart(context, unit, { data, isTeacherPlanned });
  if (arm !== 'student') return;
  if (isTeacherPlanned && !isFinished(recipe.teacher)) {
    assertDistillationFits({ recipe, data });
    return;
  }
  const { inStep, close } = await openTeacher(context, unit, data);
  try {
    assertDistillationFits({ recipe, data }, 'network' in inStep ? undefined : inStep);
  } finally {
    await close();
  }
}

/**
 * The data of a unit, with the cases that its study gave it.
 * @throws {InputError} E_RESUME_DATA if they are divided otherwise now
 */
async function dataOfUnit({ dataOf, laboratory: { machine } }: StudyContext, unit: Unit): Promise<PreparedData> {
  const { folder, splitsSha256 } = unit;
  const data = await dataOf(unit);
  const now = machine.sha256(new TextEncoder().encode(formatJson(data.splits)));
  if (splitsSha256 === undefined || splitsSha256 === now) return data;
  throw new InputError(
    'E_RESUME_DATA',
    `the cases are divided otherwise than ${folder.folder}/splits.json says: the data set has other cases, or the file of its splits or patients ` +
      'has changed since the study was planned. Restore them, or start in another folder with --out.',
  );
}

/** Checks that an arm can start from what it names; of a teacher that is still to be trained, by its network. */
async function checkStart(
  context: StudyContext,
  unit: Unit,
  { data, isTeacherPlanned }: { readonly data: PreparedData; readonly isTeacherPlanned: boolean },
): Promise<void> {
  const { arm, recipe } = unit;
  if (startsFromTeacher(unit) && isTeacherPlanned && !isFinished(recipe.teacher)) {
    assertLiesInTeacher({ recipe, data });
    return;
  }
  const { laboratory } = context;
  const start = await openStart({ laboratory, recipe, arm, data, teacherModel: await teacherModelOf(context, unit) });
  for (const warning of start?.warnings ?? []) context.warnings.set(warning.message, warning);
}

/** The model file of the teacher for a student that starts from it. */
async function teacherModelOf({ laboratory }: StudyContext, unit: Unit): Promise<string | undefined> {
  if (!startsFromTeacher(unit)) return undefined;
  const { teacher } = unit.recipe;
  if (!isFinished(teacher)) return (unit.teacher as Unit).folder.model;
  const [only] = teacherEntries(teacher).flatMap(({ onnx }) => onnx);
  return startFile(laboratory.files, only as string, { arm: 'teacher', key: 'student.from' });
}

/** Trains the arm of a unit; one that is a finished model from elsewhere needs no training. */
export async function trainUnit(context: UnitContext, unit: Unit): Promise<void> {
  const { laboratory, signal } = context;
  const { arm, recipe, seed, folder, label } = unit;
  if (!isTrained(recipe, arm)) return;
  if (await laboratory.files.exists(folder.model)) {
    await assertHistoryWhole(laboratory, folder);
    const state = await stateOfStage(laboratory, folder.folder, 'train');
    if (state !== 'changed') {
      // one that is not noted is held against its own seal
      if (state === 'unknown') await readModelFile(laboratory.files, folder.model);
      laboratory.progress.log(`${label}: ${folder.model} is finished already`);
      return;
    }
    warnOfChange(laboratory, folder.model);
    await laboratory.files.remove(folder.model);
  }
  const data = await dataOfUnit(context, unit);
  const teacher = arm === 'student' ? await openTeacher(context, unit, data) : undefined;
  try {
    const teacherModel = await teacherModelOf(context, unit);
    const options = { laboratory, recipe, data, arm, seed, folder, label, teacher, teacherModel, signal };
    const { waitingShare } = await timed(context, 'train', () => trainArm(options));
    context.waitingShares['train'] = waitingShare;
    await noteResults(laboratory, folder.folder, [STAGES.train, 'history.csv']);
    laboratory.progress.log(`${label}: waited for batches ${formatShare(waitingShare, 1)} of the time`);
  } finally {
    await teacher?.close();
  }
}

function warnOfChange({ progress }: Pick<StudyContext['laboratory'], 'progress'>, path: string): void {
  progress.warn(`${path} changed after it was finished, and is made again`);
}

type EvaluatedSplit = keyof Pick<Splits, 'val' | 'test'>;

/**
 * Copies scores and segmentations of a finished teacher from the unit of another seed; undefined if no unit has them.
 */
async function takeScoresOver(
  { laboratory: { files, machine, progress }, study }: UnitContext,
  unit: Unit,
  { split, models, coarse }: { readonly split: EvaluatedSplit } & Pick<EvaluateOptions, 'models' | 'coarse'>,
): Promise<Evaluation | undefined> {
  const { predictions } = unit.folder;
  const file = split === 'test' ? 'evaluation' : 'validation';
  const run = [...models, ...coarseFilesApart(models, coarseOf(models, coarse))];
  const known = await knownScores({ files, machine }, { study, unit, file, sha256: modelHash(machine, run) });
  if (known === undefined) return undefined;
  progress.log(`${unit.label}: same model and same cases as ${known.label}, so its scores are reused`);
  if (split === 'test') {
    for (const name of await files.list(known.folder.predictions)) {
      await files.write(`${predictions}/${name}`, await files.read(`${known.folder.predictions}/${name}`));
    }
  }
  return known.evaluation;
}

/** Evaluates the model of a unit on its test cases, or on the validation cases if something is chosen by them. */
export async function evaluateUnit(
  context: UnitContext,
  unit: Unit,
  split: EvaluatedSplit = 'test',
): Promise<Evaluation> {
  const { laboratory, signal } = context;
  const { files } = laboratory;
  const { arm, recipe, folder, label } = unit;
  const path = split === 'test' ? folder.evaluation : folder.validation;
  if (await files.exists(path)) {
    const state = await stateOfStage(laboratory, folder.folder, split);
    if (state === 'whole') return readEvaluation(files, path);
    if (state === 'changed') warnOfChange(laboratory, path);
    // one that is not noted was written right before the process ended
    await files.remove(path);
  }
  const data = await dataOfUnit(context, unit);
  const { dataset, splits, hashes } = data;
  const held = holdFiles(files, pathsIn(dataset.folder, hashes), laboratory.machine.sha256);
  const score = async (
    models: readonly ModelFile[],
    taught: Pick<EvaluateOptions, 'classes' | 'joint'> = {},
  ): Promise<Evaluation> =>
    evaluateModel(
      { ...laboratory, files: held },
      {
        models,
        // a teacher of whole volumes is asked about what the others see
        coarse: data.coarse,
        dataset,
        ...taught,
        ids: splits[split],
        split,
        window: recipe.evaluate,
        surfaceToleranceMm: recipe.evaluate.surfaceToleranceMm,
        lesions: recipe.evaluate.lesions,
        ...(split === 'test' && { predictions: folder.predictions }),
        label: `${split === 'test' ? 'evaluating' : 'validating'} ${label}`,
        ...(signal && { signal }),
      },
    );
  const evaluation = await timed(context, split === 'test' ? 'evaluate' : 'validate', async () => {
    if (isTrained(recipe, arm)) return score([await readModelFile(files, folder.model)]);
    const { teachers } = await readTeacherFiles(files, recipe, data);
    const models = teachers.flatMap(one => one.files);
    context.holdSettings(hashesOfModels(laboratory.machine, models));
    const joint = jointClasses(teachers, {
      data: dataset.labels,
      student: isSigmoid(recipe.loss) ? 'sigmoid' : 'softmax',
    });
    const classes = joint?.labels ?? (teachers[0] as ReadTeacher).taught.labels;
    return (
      (await takeScoresOver(context, unit, { split, models, coarse: data.coarse })) ?? score(models, { classes, joint })
    );
  });
  await writeJson(files, path, evaluation);
  await noteResults(laboratory, folder.folder, await writtenBy(split, files, folder.folder));
  return evaluation;
}
