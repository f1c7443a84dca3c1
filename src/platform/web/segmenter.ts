/**
 * The library's short way for web developers: load a model, segment a volume. The steps are those of the program, so
 * that labels agree with `voxstill predict`. Both functions compute in the calling thread; call them in a worker to
 * keep a page responsive.
 */

import { InputError } from '../../core/errors.ts';
import type { ModelMetadata } from '../../experiment/model-facts.ts';
import { type ModelFile, readModelFile } from '../../experiment/model-file.ts';
import { openForManyWindows } from '../../experiment/open-models.ts';
import { segmentCascade } from '../../inference/cascade.ts';
import type { ModelInfo } from '../../inference/model-info.ts';
import type { PlausibilityWarning } from '../../inference/plausibility/bounds.ts';
import { imageWarnings, notYetTold } from '../../inference/plausibility/image.ts';
import { resultWarnings } from '../../inference/plausibility/result.ts';
import type { Segmentation, SegmentOptions } from '../../inference/predictor.ts';
import { classVolumesMl } from '../../metrics/overlap.ts';
import { REGION_MARGIN_MM } from '../../recipe/evaluation-defaults.ts';
import type { Engine, Session } from '../../runtime/engine.ts';
import { paceBetween } from '../../runtime/progress.ts';
import type { LabelVolume, Volume } from '../../volume/volume.ts';
import { createWebEngine, type WebEngineOptions, type WebEngineWarning } from './engine.ts';

/** A model that is loaded and ready. */
export interface WebModel {
  /** Facts of the model: labels, spacing, normalisation, window. */
  readonly info: ModelInfo;
  readonly metadata: ModelMetadata;
  /** Engine that runs it, for example `onnxruntime-web 1.30.0 wasm`. */
  readonly engine: string;
  readonly session: Session;
  /** Whether it gives labels without probabilities, so that nothing can be said of its confidence. */
  readonly givesLabels?: boolean;
  /** What of it is done otherwise than asked: operators that WebGPU leaves to the processor; none if not given. */
  readonly warnings?: readonly WebEngineWarning[];
  /** The coarse stage in its file, which finds the region that it segments. */
  readonly coarse?: { readonly model: WebModel; readonly marginMm: number };
  /** Frees the memory of the model. */
  dispose(): Promise<void>;
}

export interface LoadModelOptions extends WebEngineOptions {
  /** Facts that the file of a model from elsewhere lacks; they override those in the file. */
  readonly metadata?: Partial<ModelMetadata>;
}

/** Progress of a segmentation. */
export interface SegmentProgress {
  readonly windowsDone: number;
  readonly windowsTotal: number;
  readonly secondsElapsed: number;
  /** Remaining seconds, estimated from the mean time of the windows so far. */
  readonly secondsLeft: number;
}

export interface WebSegmentOptions extends Pick<SegmentOptions, 'id' | 'overlap' | 'weighting' | 'mirror'> {
  /**
   * Finds the region of interest first, which is then all that the model sees: the box around everything that this
   * model finds, with a margin in mm, 20 if not given. If not given, the coarse stage in the file of the model, if it
   * has one; null: the whole volume, whatever it has.
   */
  readonly coarse?: { readonly model: WebModel; readonly marginMm?: number } | null;
  /**
   * Called before the first window if the image is far from those that the model was trained on; these warnings are
   * among those of the result too.
   */
  readonly onWarnings?: (warnings: readonly PlausibilityWarning[]) => void;
  /** Called after every window. */
  readonly onProgress?: (progress: SegmentProgress) => void;
  /** Whether the entropy of each voxel is wanted too, which takes 4 bytes per voxel. */
  readonly entropy?: boolean;
  /** Stops between two windows by throwing the signal's reason. */
  readonly signal?: AbortSignal;
}

export interface WebSegmentation {
  /** Labels on the grid of the volume, with the label values of the model. */
  readonly labels: LabelVolume;
  /** Volume of each class but the background in millilitres, by name. */
  readonly volumesMl: Readonly<Record<string, number>>;
  /**
   * Dice that the model expects of each class by its own probabilities, null where it found none; empty for a model
   * that gives labels only. Calibrated where the model has a temperature.
   */
  readonly expectedDice: Readonly<Record<string, number | null>>;
  readonly temperature: number | null;
  /** Entropy of each voxel, from 0 (certain) to 1; only if asked for, and none of a model that gives labels only. */
  readonly entropy?: Volume;
  readonly seconds: number;
  /**
   * What a user should know: that the image or the volumes of the classes are far from the training cases, with
   * figures, and what happened on the way.
   */
  readonly warnings: readonly (Segmentation['warnings'][number] | PlausibilityWarning | WebEngineWarning)[];
}

async function readBytes(source: string | URL | Uint8Array): Promise<Uint8Array> {
  if (source instanceof Uint8Array) return source;
  const response = await fetch(source);
  if (response.ok) return new Uint8Array(await response.arrayBuffer());
  throw new InputError(
    'E_FILE_UNREADABLE',
    `the server answered ${response.status} ${response.statusText} for the model ${source}. Correct the address.`,
  );
}

/**
 * Loads an ONNX segmentation model: one of a run, whose metadata is complete, or any other with `metadata`.
 * @param source address or content of the file
 * @throws {InputError} E_FILE_UNREADABLE; E_MODEL_CORRUPT, E_MODEL_LOAD if it is not a model; E_MODEL_INFO if a fact is
 * missing; E_DEVICE if WebGPU would compute it wrongly
 * @throws {WorkError} E_NO_WEBGPU
 */
export async function loadModel(
  source: string | URL | Uint8Array,
  { metadata = {}, ...engineOptions }: LoadModelOptions = {},
): Promise<WebModel> {
  const bytes = await readBytes(source);
  const path = source instanceof Uint8Array ? 'model.onnx' : String(source);
  const file = await readModelFile({ read: async () => bytes, exists: async () => false }, path, { given: metadata });
  const warnings: WebEngineWarning[] = [];
  const onWarning = (warning: WebEngineWarning): void => {
    warnings.push(warning);
    engineOptions.onWarning?.(warning);
  };
  const engine = await createWebEngine({ ...engineOptions, onWarning });
  const { coarse } = file;
  const [first] = coarse?.models ?? [];
  if (coarse === undefined || first === undefined) return { ...(await openWebModel(engine, file)), warnings };
  const finder = await openWebModel(engine, first);
  try {
    const model = await openWebModel(engine, file);
    const dispose = async (): Promise<void> => {
      await model.dispose();
      await finder.dispose();
    };
    return { ...model, warnings, coarse: { model: finder, marginMm: coarse.marginMm }, dispose };
  } catch (error) {
    await finder.dispose();
    throw error;
  }
}

/** Loads one stage. */
async function openWebModel(engine: Engine, file: ModelFile): Promise<WebModel> {
  const { info, metadata } = file;
  const session = await openForManyWindows(engine, file);
  return {
    info,
    metadata,
    engine: engine.name,
    session,
    ...(file.givesLabels === true && { givesLabels: true }),
    dispose: () => session.dispose(),
  };
}

/**
 * Segments a volume with a loaded model: the portable `segment` with times and volumes.
 * @param volume for example from `decodeNifti`; any grid, not changed
 * @throws as `segmentCascade` of `voxstill`, and the reason of the signal
 */
export async function segmentVolume(
  volume: Volume,
  { session, info, metadata, givesLabels = false, coarse: own, warnings: ofEngine = [] }: WebModel,
  { onProgress, onWarnings, coarse = own, entropy = false, ...options }: WebSegmentOptions = {},
): Promise<WebSegmentation> {
  const id = options.id ?? 'input';
  const models = [{ info, training: metadata.training }];
  const first = coarse?.model;
  const whole = first === undefined ? models : [{ info: first.info, training: first.metadata.training }];
  const beforehand = [...imageWarnings(volume, whole, id)];
  if (beforehand.length > 0) onWarnings?.(beforehand);
  const startMs = performance.now();
  const { labels, warnings, confidence } = await segmentCascade([{ session, info }], volume, {
    ...options,
    coarse: coarse && { models: [coarse.model], marginMm: coarse.marginMm ?? REGION_MARGIN_MM },
    onRegion: region => {
      const found = imageWarnings(region, models, `${id}, the region of the coarse model`);
      if (found.length > 0) onWarnings?.(found);
      beforehand.push(...found);
    },
    confidence: !givesLabels && (entropy ? 'entropy' : true),
    onProgress: (windowsDone, windowsTotal) => {
      const now = { done: windowsDone, atMs: performance.now() };
      const secondsElapsed = (now.atMs - startMs) / 1000;
      const secondsLeft = paceBetween({ done: 0, atMs: startMs }, now, windowsTotal)?.secondsLeft ?? 0;
      onProgress?.({ windowsDone, windowsTotal, secondsElapsed, secondsLeft });
    },
  });
  const seconds = (performance.now() - startMs) / 1000;
  const volumesMl = classVolumesMl(labels, info.labels);
  const others = [
    ...notYetTold(warnings, beforehand),
    ...resultWarnings({ labels, classes: info.labels, volumesMl }, models, id),
  ];
  const { expectedDice = {}, temperature = null } = confidence ?? {};
  return {
    labels,
    volumesMl,
    expectedDice,
    temperature,
    ...(confidence?.entropy && { entropy: confidence.entropy }),
    seconds,
    warnings: [...beforehand, ...others, ...ofEngine],
  };
}
