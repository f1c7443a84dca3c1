/**
 * The experiment: teacher, distilled student, baseline, evaluation, comparison, once per seed. Everything is loaded and checked before
 * the first byte is written; what is finished is never done again on resume.
 */
import { InputError, VoxstillError } from '../core/errors.ts';
import { tensor } from '../core/tensor.ts';
import type { TeacherCall } from '../training/trainer.ts';
import { assertDistillationFits, trainArm, trainedModel } from './arm.ts';
import { patchShape } from './arm-plan.ts';
import { type ArmEvaluations, compareArms } from './compare.ts';
import { stringifyRecipe } from './config.ts';
import type { Recipe } from './config-schema.ts';
import { evaluateModel } from './evaluate.ts';
import { parseEvaluation } from './evaluation-file.ts';
import type { Laboratory } from './laboratory.ts';
import { openModel, readModelFile } from './model-file.ts';
import { type PreparedData, prepareData } from './prepare.ts';
import { readRecord } from './read-run.ts';
import { ARMS, type Arm, type Comparison, type Evaluation } from './record.ts';
import { type ArmFolder, openRunFolder, type RunFolder, type RunRecord, runFolder, writeJson } from './run-folder.ts';
import { assertTeacherFits, type OpenModel, type Teacher, teacherLogits } from './teacher.ts';

export interface RunOptions {
  readonly out: string;
  /** Go on with what is in the folder. */
  readonly resume: boolean;
  readonly signal?: AbortSignal;
}

/** What the stages of a run share. */
interface Context {
  readonly laboratory: Laboratory;
  readonly recipe: Recipe;
  readonly data: PreparedData;
  readonly run: RunFolder;
  /** When the run was first started, and what it has taken so far; a resumed run adds to both. */
  readonly startedAt: string;
  readonly timingsSeconds: Record<string, number>;
  readonly signal: AbortSignal | undefined;
}

/** The arms that the recipe asks to train, teacher first. */
function armsToTrain(recipe: Recipe): readonly Arm[] {
  return ARMS.filter(arm => (arm === 'teacher' ? 'unet' in recipe.teacher : arm === 'student' || recipe.baseline));
}

async function timed<T>({ laboratory, timingsSeconds }: Context, stage: string, work: () => Promise<T>): Promise<T> {
  const started = laboratory.machine.elapsedMs();
  try {
    return await work();
  } finally {
    timingsSeconds[stage] = (timingsSeconds[stage] ?? 0) + (laboratory.machine.elapsedMs() - started) / 1000;
  }
}

/** A teacher and what must be closed after use. */
interface OpenTeacher {
  readonly teacher: Teacher;
  readonly sessions: readonly OpenModel[];
}

/** Opens the models that teach: the run's own teacher inside the step, or those that the recipe names beside it. */
async function openTeacher(context: Context, seed: number): Promise<OpenTeacher> {
  const { laboratory, recipe, data, run, signal } = context;
  const { engine, files, machine } = laboratory;
  if (!('onnx' in recipe.teacher)) {
    const folder = run.arm('teacher', seed);
    if (!(await files.exists(folder.model))) {
      throw new InputError(
        'E_TEACHER_MISSING',
        `there is no finished teacher in ${folder.folder}. Train it first: voxstill train ... --arm teacher`,
      );
    }
    const own = await trainedModel({ laboratory, recipe, data, arm: 'teacher', seed, folder, signal });
    const sha256 = machine.sha256(new Uint8Array(own.theta.buffer, own.theta.byteOffset, own.theta.byteLength));
    return { sessions: [], teacher: { sha256, inStep: own, call: undefined } };
  }
  const expected = {
    channels: data.dataset.channels.length,
    labels: data.dataset.labels,
    window: patchShape(recipe.patch.size),
  };
  const sessions: OpenModel[] = [];
  const hashes: string[] = [];
  for (const path of [recipe.teacher.onnx].flat()) {
    const file = await readModelFile(files, path);
    assertTeacherFits({ path, info: file.info }, expected);
    sessions.push({ path, info: file.info, session: await openModel(engine, file) });
    hashes.push(machine.sha256(file.bytes));
  }
  const spatial = patchShape(recipe.patch.size);
  const channels = data.dataset.channels.length;
  const call: TeacherCall = async (_, { image, caseIds }) => ({
    logits: await teacherLogits(sessions, tensor('float32', image, [caseIds.length, channels, ...spatial])),
    features: {},
  });
  return { sessions, teacher: { sha256: hashes.join(), inStep: { features: {} }, call } };
}

async function closeTeacher({ sessions }: OpenTeacher): Promise<void> {
  for (const { session } of sessions) await session.dispose();
}

async function trainStage(context: Context, arm: Arm, seed: number): Promise<void> {
  const { laboratory, recipe, data, run, signal } = context;
  const folder = run.arm(arm, seed);
  if (await laboratory.files.exists(folder.model)) {
    laboratory.progress.log(`${arm}: ${folder.model} is finished already`);
    return;
  }
  const opened = arm === 'student' ? await openTeacher(context, seed) : undefined;
  try {
    const options = { laboratory, recipe, data, arm, seed, folder, teacher: opened?.teacher, signal };
    await timed(context, `${folder.folder.slice(run.folder.length + 1)}/train`, () => trainArm(options));
  } finally {
    if (opened !== undefined) await closeTeacher(opened);
  }
}

async function evaluateStage(context: Context, arm: Arm, seed: number): Promise<Evaluation> {
  const { laboratory, recipe, data, run, signal } = context;
  const { files } = laboratory;
  const folder = run.arm(arm, seed);
  if (await files.exists(folder.evaluation)) {
    return parseEvaluation(new TextDecoder().decode(await files.read(folder.evaluation)), folder.evaluation);
  }
  const paths = arm === 'teacher' && 'onnx' in recipe.teacher ? [recipe.teacher.onnx].flat() : [folder.model];
  const evaluation = await timed(context, `${folder.folder.slice(run.folder.length + 1)}/evaluate`, async () =>
    evaluateModel(laboratory, {
      models: await Promise.all(paths.map(path => readModelFile(files, path))),
      dataset: data.dataset,
      ids: data.splits.test,
      split: 'test',
      window: recipe.evaluate,
      surfaceToleranceMm: recipe.evaluate.surfaceToleranceMm,
      predictions: folder.predictions,
      label: `evaluating ${arm}`,
      ...(signal && { signal }),
    }),
  );
  await writeJson(files, folder.evaluation, evaluation);
  return evaluation;
}

/** Keeps run.json true: running, then done, failed or stopped. */
async function recorded<T>(context: Context, work: () => Promise<T>): Promise<T> {
  const { laboratory, recipe, data, run, startedAt, timingsSeconds, signal } = context;
  const { files, machine } = laboratory;
  const write = (status: RunRecord['status'], error?: string): Promise<void> => {
    const record: RunRecord = {
      ...machine.provenance,
      status,
      startedAt,
      ...(status === 'running' ? {} : { finishedAt: machine.now() }),
      seeds: recipe.seeds,
      dataset: data.dataset.folder,
      dataHashes: data.hashes,
      splits: data.splits,
      timingsSeconds,
      ...(error === undefined ? {} : { error }),
    };
    return writeJson(files, run.record, record);
  };
  await write('running');
  try {
    const result = await work();
    await write('done');
    return result;
  } catch (error) {
    const reason = error instanceof VoxstillError ? `${error.code}: ${error.message}` : String(error);
    await write(signal?.aborted === true ? 'stopped' : 'failed', reason);
    throw error;
  }
}

async function open(
  laboratory: Laboratory,
  recipe: Recipe,
  options: RunOptions & { readonly arm?: Arm },
): Promise<Context> {
  const { out, resume, signal, arm } = options;
  const run = runFolder(out, recipe.seeds);
  const opening = { recipe: stringifyRecipe(recipe), resume };
  const part = arm === undefined ? {} : { part: run.arm(arm, recipe.seeds[0] as number).folder };
  // a folder that is in the way is known before the data are read
  if (!resume && (await laboratory.files.list(part.part ?? out)).length > 0) {
    await openRunFolder(laboratory.files, run, { ...opening, ...part });
  }
  const data = await prepareData(laboratory, recipe, signal);
  const earlier = await readRecord(laboratory.files, run.record);
  const context = {
    laboratory,
    recipe,
    data,
    run,
    startedAt: earlier?.startedAt ?? laboratory.machine.now(),
    timingsSeconds: { ...earlier?.timingsSeconds },
    signal,
  };
  if (arm === undefined && !('onnx' in recipe.teacher)) assertDistillationFits(context);
  else if (arm === undefined || arm === 'student') await checkTeacher(context);
  await openRunFolder(laboratory.files, run, { ...opening, ...part });
  await writeJson(laboratory.files, run.splits, data.splits);
  return context;
}

/** Opens what the students to come learn from, and closes it again: a teacher that cannot teach is known before anything is written. */
async function checkTeacher(context: Context): Promise<void> {
  for (const seed of context.recipe.seeds) {
    const isTrained = await context.laboratory.files.exists(context.run.arm('student', seed).model);
    if (isTrained) continue;
    const opened = await openTeacher(context, seed);
    try {
      const { inStep } = opened.teacher;
      assertDistillationFits(context, 'network' in inStep ? undefined : inStep);
    } finally {
      await closeTeacher(opened);
    }
  }
}

/**
 * Runs a whole recipe.
 * @returns the comparison, as written to comparison.json
 * @throws {InputError} before anything is written, if recipe and data do not fit; E_OUT_NOT_EMPTY without `resume`
 */
export async function runExperiment(laboratory: Laboratory, recipe: Recipe, options: RunOptions): Promise<Comparison> {
  const context = await open(laboratory, recipe, options);
  return recorded(context, async () => {
    const evaluations = new Map<Arm, { seed: number; evaluation: Evaluation }[]>();
    for (const seed of recipe.seeds) {
      for (const arm of ARMS) {
        if (arm === 'baseline' && !recipe.baseline) continue;
        if (armsToTrain(recipe).includes(arm)) await trainStage(context, arm, seed);
        const entries = evaluations.get(arm) ?? [];
        evaluations.set(arm, [...entries, { seed, evaluation: await evaluateStage(context, arm, seed) }]);
      }
    }
    const arms: ArmEvaluations[] = [...evaluations].map(([name, seeds]) => ({ name, seeds }));
    const comparison = compareArms(arms);
    await writeJson(laboratory.files, context.run.comparison, comparison);
    return comparison;
  });
}

/** What training one arm left behind. */
export interface ArmOutcome {
  readonly folder: string;
  readonly models: readonly string[];
}

/**
 * Trains one arm of a recipe, for every seed. The student needs the teacher in the same run.
 * @throws {InputError} E_ARM if the recipe has no such arm to train; E_TEACHER_MISSING
 */
export async function trainOneArm(
  laboratory: Laboratory,
  recipe: Recipe,
  options: RunOptions & { readonly arm: Arm },
): Promise<ArmOutcome> {
  const { arm } = options;
  if (!armsToTrain(recipe).includes(arm)) {
    const reason = arm === 'teacher' ? 'its teacher is a finished model' : 'baseline is false';
    throw new InputError('E_ARM', `the recipe has no ${arm} to train: ${reason}`);
  }
  const context = await open(laboratory, recipe, options);
  return recorded(context, async () => {
    const folders: ArmFolder[] = [];
    for (const seed of recipe.seeds) {
      await trainStage(context, arm, seed);
      folders.push(context.run.arm(arm, seed));
    }
    return { folder: (folders[0] as ArmFolder).folder, models: folders.map(({ model }) => model) };
  });
}
