/**
 * One arm of one seed: builds the network, trains it with checkpoints in the run's folder, and writes model.onnx. Student and baseline
 * differ in nothing but the teacher: same initial weights, same batches, same hard loss, schedule and steps.
 */
import { InputError, invariant } from '../core/errors.ts';
import { random } from '../core/random.ts';
import { type BatchSettings, type BatchSource, withUnlabelled } from '../data/loader.ts';
import { distillationTerms } from '../distillation/terms.ts';
import { outputSize } from '../nn/geometry.ts';
import { initialize } from '../nn/parameters.ts';
import { encodeModel } from '../onnx/encode.ts';
import { lower } from '../onnx/lower.ts';
import { architectureOf } from '../recipe/network.ts';
import { modelCosts } from '../training/costs.ts';
import { exportModel } from '../training/export.ts';
import { buildForward, type Model } from '../training/forward.ts';
import { distillationAdapters, type ExternalTeacher } from '../training/teacher-in-step.ts';
import { type TrainingResult, train } from '../training/trainer.ts';
import { armContent } from './arm-content.ts';
import { type ArmOptions, activationOf, regionsOf } from './arm-options.ts';
import { type ArmPlan, formatCosts, logitChannels, patchShape, planArm } from './arm-plan.ts';
import { armStore } from './arm-store.ts';
import { choosePostprocessing } from './choose-postprocessing.ts';
import type { ModelMetadata } from './model-facts.ts';
import { formatModelMetadata, readModelFile } from './model-file.ts';
import { validator } from './validation.ts';

/** The plan of an arm on these data, with a fingerprint of everything that its training depends on. */
function planOn({
  laboratory,
  recipe,
  data,
  arm,
  seed,
  teacher,
}: Omit<ArmOptions, 'folder' | 'label' | 'signal'>): ArmPlan & { readonly fingerprint: string } {
  const { channels, labels } = data.dataset;
  const plan = planArm(recipe, arm, {
    channels: channels.length,
    labels: labels.length,
    regions: regionsOf(data),
    teacher: teacher?.inStep,
  });
  const transfer = plan.unlabelled === 0 ? {} : data.transferHashes;
  const depends = [armContent(recipe, arm), seed, data.splits, data.hashes, transfer, labels, teacher?.sha256 ?? null];
  const text = JSON.stringify(depends);
  return { ...plan, fingerprint: laboratory.machine.sha256(new TextEncoder().encode(text)) };
}

/**
 * Checks that the recipe's distillation fits student and teacher, by shapes alone.
 * @param teacher what a finished teacher gives; the recipe describes one that is trained here
 * @throws {InputError} E_LAYER, E_DISTILL or E_SHAPE, naming the term
 */
export function assertDistillationFits(
  { recipe, data }: Pick<ArmOptions, 'recipe' | 'data'>,
  teacher?: ExternalTeacher,
): void {
  const { student, loss, distill, patch } = recipe;
  const channels = logitChannels(recipe, data.dataset.labels.length);
  const unlabelled = distill.unlabelled.batch;
  const own = 'onnx' in recipe.teacher ? undefined : architectureOf(recipe.teacher, channels);
  const taught = teacher ?? own;
  invariant(taught !== undefined, 'a finished teacher is opened before its fit is known');
  distillationAdapters({
    student: architectureOf(student, channels),
    teacher: taught,
    terms: distillationTerms(recipe.distill.losses),
    imageShape: [student.train.batch + unlabelled, data.dataset.channels.length, ...patchShape(patch.size)],
    unlabelled,
    hardLoss: loss,
  });
}

/** A network that this run has trained, with its best parameters, as a frozen part of another arm's step. */
export async function trainedModel(options: ArmOptions): Promise<Model & { readonly theta: Float32Array }> {
  const { model, fingerprint } = planOn(options);
  const stored = await armStore(options, model, fingerprint).load();
  if (stored === undefined) {
    throw new InputError(
      'E_TEACHER_MISSING',
      `there is no checkpoint in ${options.folder.checkpoint}. Train the teacher first`,
    );
  }
  return { ...model, theta: stored.bestTheta };
}

/** The patches of every step; the labelled ones are the same with and without unlabelled ones behind them. */
function openPatches(
  { laboratory, recipe, data, seed }: ArmOptions,
  samples: { readonly labelled: number; readonly unlabelled: number },
): BatchSource {
  const { patch, augment } = recipe;
  const settings: BatchSettings = {
    seed,
    batch: samples.labelled,
    patchSize: patch.size,
    foreground: patch.foreground,
    padding: patch.padding,
    augment,
  };
  const labelled = laboratory.openBatches(data.train, settings);
  if (samples.unlabelled === 0) return labelled;
  const own = { seed: random(seed, 'unlabelled').integer(2 ** 31), batch: samples.unlabelled, foreground: 0 };
  return withUnlabelled(labelled, laboratory.openBatches(data.unlabelled, { ...settings, ...own }));
}

/** The post-processing that the recipe asks for; chosen on the validation cases where it leaves that open. */
async function postprocessingOf(options: ArmOptions, model: Uint8Array): Promise<Partial<ModelMetadata>> {
  const { laboratory, recipe, data, arm, folder, signal } = options;
  // regions are scored whole, but written over each other: no step on label maps is one on a region
  if (recipe.postprocess === 'none' || regionsOf(options.data) !== undefined) return {};
  if (recipe.postprocess !== 'auto') return { postprocess: recipe.postprocess };
  if (data.splits.val.length === 0) return {};
  return choosePostprocessing(laboratory, {
    model: await readModelFile({ read: async () => model, exists: async () => false }, folder.model),
    dataset: data.dataset,
    cases: data.dataset.cases.filter(({ id }) => data.splits.val.includes(id)),
    window: recipe.evaluate,
    label: `post-processing of ${arm}`,
    signal,
  });
}

/** Trains one arm and writes its model. Goes on from a checkpoint where there is one. */
export async function trainArm(options: ArmOptions): Promise<TrainingResult> {
  const { laboratory, recipe, data, arm, seed, folder, label, teacher, signal } = options;
  const { engine, files, machine, progress } = laboratory;
  const { model, architecture, step, unlabelled, learningRate, train: budget, fingerprint } = planOn(options);
  const channels = data.dataset.channels.length;
  const window = patchShape(recipe.patch.size);
  const output = outputSize(architecture.geometry, window);
  const costs = modelCosts(step, { geometry: architecture.geometry, block: engine.block });
  progress.log(`${arm}: ${formatCosts(costs)}`);
  const validation = buildForward(model, [1, channels, ...window]);
  const forward = await engine.load(encodeModel(lower(validation, { block: engine.block })));
  try {
    const result = await train({
      engine,
      step,
      seed,
      // the student's and the baseline's initial weights are the same
      initialTheta: initialize(model.specs, name => random(seed, arm === 'teacher' ? 'teacher' : 'student', name)),
      initialAdapters: specs => initialize(specs, name => random(seed, 'adapter', name)),
      batches: openPatches(options, { labelled: budget.batch, unlabelled }),
      steps: budget.steps,
      learningRate,
      schedule: recipe.optimizer.schedule,
      validateEvery: budget.validateEvery,
      validate: data.val.length === 0 ? undefined : validator(options, { session: forward, output }),
      callTeacher: teacher?.call,
      store: armStore(options, model, fingerprint),
      fingerprint,
      progress,
      label,
      signal,
      now: () => machine.elapsedMs(),
    });
    const metadata: ModelMetadata = {
      labels: [...data.dataset.labels],
      channels,
      spacingMm: recipe.preprocess.spacingMm,
      orientation: recipe.preprocess.orientation === 'canonical' ? 'RAS' : null,
      imageInterpolation: recipe.preprocess.imageInterpolation,
      normalize: data.normalize,
      patch: window,
      output,
      activation: activationOf(recipe),
      inputName: 'image',
      outputName: 'logits',
      parameters: costs.parameters,
      multiplyAdds: costs.multiplyAdds,
      fieldOfView: costs.fieldOfView,
      trainingBytes: costs.trainingBytes,
      inferenceBytes: costs.inferenceBytes,
      axes: 'NCZYX',
    };
    const encode = (more: Partial<ModelMetadata>): Uint8Array =>
      exportModel(model, result.theta, { channels, window, metadata: formatModelMetadata({ ...metadata, ...more }) });
    await files.write(folder.model, encode(await postprocessingOf(options, encode({}))));
    return result;
  } finally {
    await forward.dispose();
  }
}
