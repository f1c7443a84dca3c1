/**
 * One arm of one seed: builds the network, trains it with checkpoints in the run's folder, and writes model.onnx.
 * Student and baseline differ only in the teacher: same initial weights, same batches, same hard loss, schedule and
 * steps.
 */
import { random } from '../core/random.ts';
import type { Triple } from '../core/shape.ts';
import type { SeenImages } from '../data/training-facts.ts';
import { outputSize } from '../nn/geometry.ts';
import { initialize } from '../nn/parameters.ts';
import { encodeModel } from '../onnx/encode.ts';
import { lower } from '../onnx/lower.ts';
import { sealModel } from '../onnx/seal.ts';
import { type ModelCosts, modelCosts } from '../training/costs.ts';
import { exportModel } from '../training/export.ts';
import { buildForward } from '../training/forward.ts';
import { type TrainingResult, train } from '../training/trainer.ts';
import { choicesOf } from './arm-choices.ts';
import { planOnData } from './arm-on-data.ts';
import { type ArmOptions, activationOf, annotatedChannels } from './arm-options.ts';
import { openPatches } from './arm-patches.ts';
import { formatCosts, patchShape } from './arm-plan.ts';
import { armStore } from './arm-store.ts';
import { formatModelMetadata } from './embedded-coarse.ts';
import type { ModelMetadata } from './model-facts.ts';
import { keepStartRecord, openStart, startText } from './start/start.ts';
import { validator } from './validation.ts';
import { scheduleOf } from './watched-validation.ts';

/** The images that an arm sees: of training and validation, unlabelled ones, and what its teacher has seen before. */
function imagesSeenBy({ data, arm, teacher }: ArmOptions): SeenImages {
  const of = (ids: readonly string[]): readonly string[] => ids.map(id => data.images.get(id) as string);
  const { splits, unlabelled } = data;
  const training = [...of(splits.train), ...(arm === 'student' ? of(unlabelled.map(({ id }) => id)) : [])];
  const validation = of(splits.val);
  const own = new Set([...training, ...validation]);
  return { training, validation, teacher: (teacher?.seenImages ?? []).filter(hash => !own.has(hash)) };
}

/** Metadata of the model's file, without what is chosen on the validation cases. */
function metadataOf(
  options: ArmOptions,
  sizes: { readonly costs: ModelCosts; readonly window: Triple; readonly output: Triple },
): ModelMetadata {
  const { recipe, data } = options;
  const { costs, window, output } = sizes;
  return {
    labels: data.dataset.labels.map(label => {
      const code = recipe.labels.codes[label.name];
      return { ...label, ...(code && { code }) };
    }),
    channels: data.dataset.channels.length,
    // models that do not crop are as they were before there was this key
    ...(recipe.preprocess.crop !== 'none' && { crop: recipe.preprocess.crop }),
    ...(data.coarse && { cascade: { marginMm: data.coarse.marginMm } }),
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
    // the stages run one after the other
    inferenceBytes: Math.max(costs.inferenceBytes, data.coarse?.models[0]?.metadata.inferenceBytes ?? 0),
    axes: 'NCZYX',
    training: { ...data.training, images: imagesSeenBy(options) },
  };
}

/** What happens to the parameters if they are averaged, for people. */
function averageText(decay: number): string {
  return `a moving average of the parameters (decay ${decay}) is validated, kept and exported in place of them`;
}

function oldLayersText(factor: number): string {
  return factor === 0
    ? 'the parameters that were taken over stay as they are'
    : `the learning rate of the parameters that were taken over is ${factor} times that of the others`;
}

/** Trains one arm and writes its model. Continues from a checkpoint if there is one. */
export async function trainArm(options: ArmOptions): Promise<TrainingResult> {
  const { laboratory, recipe, data, arm, seed, folder, label, teacher, signal } = options;
  const { engine, files, machine, progress } = laboratory;
  const start = await openStart(options);
  const plan = planOnData({ ...options, start: start?.record });
  const { model, architecture, step, unlabelled, learningRate, train: budget, fingerprint } = plan;
  const channels = data.dataset.channels.length;
  const window = patchShape(recipe.patch.size);
  const output = outputSize(architecture.geometry, window);
  const costs = modelCosts(step, { geometry: architecture.geometry, block: engine.block });
  progress.log(`${arm}: ${formatCosts(costs)}`);
  if (start !== undefined) {
    await keepStartRecord(files, folder.start, start);
    for (const line of startText(start, model.specs)) progress.log(`${arm}: ${line}`);
    if (budget.oldLayersRate !== 1) progress.log(`${arm}: ${oldLayersText(budget.oldLayersRate)}`);
  }
  if (budget.ema !== null) progress.log(`${arm}: ${averageText(budget.ema)}`);
  // the student's and the baseline's initial weights are the same
  const initialTheta = initialize(model.specs, name => random(seed, arm === 'teacher' ? 'teacher' : 'student', name));
  start?.apply(initialTheta, model.specs);
  const validation = buildForward(model, [1, channels, ...window]);
  const forward = await engine.load(encodeModel(lower(validation, { ...engine, frozen: true })));
  try {
    const result = await train({
      engine,
      step,
      seed,
      initialTheta,
      initialAdapters: specs => initialize(specs, name => random(seed, 'adapter', name)),
      batches: openPatches(options, { labelled: budget.batch, unlabelled, microBatches: budget.accumulate }),
      steps: budget.steps,
      learningRate,
      schedule: scheduleOf(recipe, budget),
      earlyStopPatience: budget.earlyStop?.patience ?? null,
      validateEvery: budget.validateEvery,
      validate: data.val.length === 0 ? undefined : validator(options, { session: forward, output }),
      annotated: annotatedChannels(options),
      callTeacher: teacher?.call,
      store: armStore(options, model, fingerprint),
      fingerprint,
      progress,
      label,
      signal,
      now: () => machine.elapsedMs(),
    });
    const metadata = metadataOf(options, { costs, window, output });
    const stage = data.coarse?.models[0]?.bytes;
    const encode = (more: Partial<ModelMetadata>): Uint8Array =>
      exportModel(model, result.theta, {
        channels,
        window,
        metadata: formatModelMetadata({ ...metadata, ...more }, stage),
      });
    await files.write(folder.model, await sealModel(encode(await choicesOf(options, encode({})))));
    return result;
  } finally {
    await forward.dispose();
  }
}
