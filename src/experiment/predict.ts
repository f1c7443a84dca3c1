/**
 * Segments volumes from files to files. A result has the header of its input, or the same size and affine if the input
 * is not a NIfTI file, so it is on the same grid.
 */

import { InputError } from '../core/errors.ts';
import { formatBytes } from '../core/format.ts';
import { type FrameOf, frameOf } from '../data/frame.ts';
import { readStacked } from '../data/stacked-volume.ts';
import { encodeMap } from '../data/volume-file.ts';
import type { PassedOver } from '../data/volume-folder.ts';
import { volumeStem } from '../data/volume-name.ts';
import { segmentCascade } from '../inference/cascade.ts';
import type { Confidence } from '../inference/confidence.ts';
import { sharedClasses } from '../inference/ensemble.ts';
import { type ModelInfo, type OpenModel, outputClasses } from '../inference/model-info.ts';
import type { PlausibilityWarning } from '../inference/plausibility/bounds.ts';
import { imageWarnings, notYetTold } from '../inference/plausibility/image.ts';
import { resultWarnings } from '../inference/plausibility/result.ts';
import type { SegmentOptions } from '../inference/predictor.ts';
import type { WindowChoice } from '../inference/sliding-window.ts';
import { classVolumesMl } from '../metrics/overlap.ts';
import type { SegmentationType } from '../results/segmentation-object.ts';
import type { DeviceKind } from '../runtime/device.ts';
import type { ProgressTask } from '../runtime/progress.ts';
import type { VolumeWarning } from '../volume/geometry.ts';
import { encodeNiftiImage } from '../volume/nifti.ts';
import type { Box } from '../volume/nonzero.ts';
import { formatSize, type Volume, voxelCount } from '../volume/volume.ts';
import { assertBidsFolder, describeBidsDataset, writeBidsSidecars } from './bids.ts';
import { describeFailure, type PredictionFailure } from './failure.ts';
import type { Laboratory } from './laboratory.ts';
import type { CoarseFiles, ModelFile } from './model-file.ts';
import { coarseFilesApart, coarseOf, type OpenCascade, openCascade } from './open-cascade.ts';
import { assertPlausible, expectationsOf } from './plausible.ts';
import {
  type Beside,
  entropyPath,
  type PredictionJob,
  pathsOf,
  predictionJobs,
  probabilitiesPath,
} from './prediction-jobs.ts';
import { assertHandoverNames, type Handover, neededSource, type ResultFormat, resultFiles } from './result-files.ts';
import { createWindowProgress, expectWindows } from './window-progress.ts';

export interface PredictOptions {
  /** One model, or an ensemble by mean probability. */
  readonly models: readonly ModelFile[];
  /**
   * Models that find the region which is segmented. If not given, the coarse stage in the files of the models, if they
   * have one; null: the whole volume, whatever they have.
   */
  readonly coarse?: CoarseFiles | null | undefined;
  /**
   * Input: a volume, a folder with one DICOM series, a folder of these, or several of all that. Paths that are joined
   * by commas are the channels of one volume, in the order of the model's, unless there is a file of that very name.
   */
  readonly input: string | readonly string[];
  /** Output: a .nii.gz, .nrrd, .seg.nrrd, .mha, .mgz or .dcm file for a volume, or a folder. */
  readonly output: string;
  /** Ending of the results in a folder, without its dot; nii.gz if not given. */
  readonly format?: string | undefined;
  /** Type of DICOM Segmentations; binary if not given. */
  readonly segmentationType?: SegmentationType | undefined;
  /** What is written beside the labels of a single volume. */
  readonly handover?: Handover | undefined;
  /**
   * SeriesInstanceUID of the DICOM series to read from a folder with several; other files of the folder are then
   * ignored.
   */
  readonly series?: string | undefined;
  /** The frame, from 1, that is segmented of an image with several, such as a series in time. */
  readonly frame?: number | undefined;
  /** Whether to also write the probabilities, beside the labels as `<name>_probabilities.nii.gz`. */
  readonly probabilities: boolean;
  /** Whether to also write the entropy of every voxel, beside the labels as `<name>_entropy`, in their format. */
  readonly entropy?: boolean;
  /** Whether the results form a BIDS derivative in the folder `output`. */
  readonly bids?: boolean;
  readonly window: WindowChoice;
  /** Whether the post-processing of the model is applied; true if not given. */
  readonly postprocess?: boolean;
  /** Whether a volume that is far from the training cases is an error, and its result not written. */
  readonly strict?: boolean;
  /**
   * Called for each of several volumes that cannot be segmented, after which the others follow. If not given, the first
   * such volume ends the work with its error, as it always does where the input is one volume.
   */
  readonly onFailure?: (failure: PredictionFailure) => void;
  /** Called for each file and folder in the inputs that is no volume. */
  readonly onPassedOver?: (one: PassedOver) => void;
  readonly signal?: AbortSignal;
}

/** The Dice that a model expects of a class. */
interface ExpectedDice {
  readonly dice: number | null;
  readonly interval: readonly [number, number] | null;
}

/** One segmented volume. */
export interface Prediction extends Partial<FrameOf> {
  readonly inputs: readonly string[];
  readonly output: string;
  readonly probabilities?: string;
  readonly entropy?: string;
  readonly seconds: number;
  /** What computed it. */
  readonly device: DeviceKind;
  /** Volume of each class but the background. */
  readonly volumesMl: Readonly<Record<string, number>>;
  /**
   * Dice that the model expects of each class, null where it found none, with the interval that is to hold nine in ten
   * cases, null where the model does not know it. Absent if a model gives labels without probabilities.
   */
  readonly expectedDice?: Readonly<Record<string, ExpectedDice>>;
  /** Temperature of the probabilities; null where none was fitted, so that the expected Dice is not calibrated. */
  readonly temperature?: number | null;
  /** The region that the coarse model found, in voxels of the input, null if it found nothing; absent without one. */
  readonly region?: Box | null;
  /** What a user should know of the input and of the result, in the order in which it was found. */
  readonly warnings: readonly (VolumeWarning | PlausibilityWarning)[];
}

const LARGE_BYTES = 2 ** 30;

/** Warns before a segmentation if its probabilities, which unlike labels are in memory as a whole, are large. */
function warnOfMemory({ progress }: Laboratory, { sizeVoxels }: Volume, classes: number): void {
  const bytes = classes * voxelCount(sizeVoxels) * Float32Array.BYTES_PER_ELEMENT;
  if (bytes < LARGE_BYTES) return;
  progress.warn(
    `the probabilities of ${classes} classes on ${formatSize(sizeVoxels)} voxels take ${formatBytes(bytes)} of memory, and twice as ` +
      'much in addition while they are written.',
  );
}

interface JobContext {
  readonly job: PredictionJob;
  /** Folders in which everything that is no volume has been named. */
  readonly named: ReadonlySet<string>;
}

function folderOf(path: string): string {
  return path.slice(0, Math.max(0, path.lastIndexOf('/')));
}

async function predictOne(
  laboratory: Laboratory,
  { models, coarse }: OpenCascade,
  options: PredictOptions & Pick<SegmentOptions, 'onProgress'> & JobContext,
): Promise<Prediction> {
  const { files, machine, progress } = laboratory;
  const { window, postprocess = true, strict = false, onProgress, signal, series } = options;
  const { probabilities, entropy, bids } = besideOf(options);
  const { inputs, output } = options.job;
  const { info } = models[0]!;
  const stacked = await readStacked(laboratory, inputs, { series });
  const { frame } = options;
  const read = frame === undefined ? stacked : frameOf(stacked, frame, inputs.join(', '));
  const { volume, header, warnings: found } = read;
  const format = formatOf(options);
  neededSource(read, format, inputs[0]!);
  if (probabilities) warnOfMemory(laboratory, volume, outputClasses(info).values.length);
  const warnings: Prediction['warnings'][number][] = [];
  const warn = (more: Prediction['warnings']): void => {
    warnings.push(...more);
    for (const { code, message } of more) progress.warn(`${code}: ${message}`);
  };
  const id = volumeStem(inputs[0]!);
  const expectations = expectationsOf(options.models);
  const stage = coarseOf(options.models, options.coarse);
  const whole = stage === undefined ? expectations : expectationsOf(stage.models);
  const beforehand = [...imageWarnings(volume, whole, id)];
  if (strict) assertPlausible(beforehand);
  // what is beside a series in a folder of the input is named once, not with every series
  const isNamed = options.named.has(folderOf(inputs[0]!));
  warn([...found.filter(({ code }) => !isNamed || code !== 'W_DICOM_PASSED_OVER'), ...beforehand]);
  const startMs = machine.elapsedMs();
  const result = await segmentCascade(models, volume, {
    ...window,
    id,
    coarse,
    onRegion: region => {
      const found = imageWarnings(region, expectations, `${id}, the region of the coarse model`);
      if (strict) assertPlausible(found);
      beforehand.push(...found);
      warn(found);
    },
    probabilities,
    confidence: hasProbabilities(options.models) && (entropy ? 'entropy' : true),
    postprocess,
    ...(onProgress && { onProgress }),
    ...(signal && { signal }),
  });
  const seconds = (machine.elapsedMs() - startMs) / 1000;
  const volumesMl = classVolumesMl(result.labels, info.labels);
  const afterwards = resultWarnings({ labels: result.labels, classes: info.labels, volumesMl }, expectations, id);
  if (strict) assertPlausible(afterwards);
  warn([...notYetTold(result.warnings, beforehand), ...afterwards]);
  const written = resultFiles(result.labels, format, { models: options.models, machine, read });
  for (const { path, bytes } of written) await files.write(path, bytes);
  const paths = { probabilities: probabilitiesPath(output, { bids }), entropy: entropyPath(output) };
  if (result.probabilities !== undefined) {
    await files.write(paths.probabilities, encodeNiftiImage(result.probabilities, header));
  }
  const map = result.confidence?.entropy;
  if (map !== undefined) await files.write(paths.entropy, encodeMap(map, { path: paths.entropy, header }));
  if (bids) {
    const channels = probabilities ? channelNames(info) : null;
    await writeBidsSidecars(files, output, { labels: info.labels, probabilities: channels });
  }
  return {
    inputs,
    output,
    ...(frame !== undefined && { frame, frames: stacked.volume.channels }),
    ...(result.probabilities && { probabilities: paths.probabilities }),
    ...(map && { entropy: paths.entropy }),
    seconds,
    device: laboratory.engine.device,
    volumesMl,
    ...(result.confidence && confidenceFacts(result.confidence, models)),
    ...(result.region !== undefined && { region: result.region }),
    warnings,
  };
}

function besideOf({ probabilities, entropy = false, bids = false, handover = {} }: PredictOptions): Beside {
  const single = Object.values(handover).filter(path => path !== undefined);
  return { probabilities, entropy, bids, single };
}

/** How the labels of a job are written, and what beside them. */
function formatOf({ job, segmentationType = 'binary', handover = {} }: PredictOptions & JobContext): ResultFormat {
  return { path: job.output, segmentationType, handover };
}

function hasProbabilities(models: readonly ModelFile[]): boolean {
  return models.every(({ givesLabels }) => givesLabels !== true);
}

/** Names of the channels of a model's probabilities. */
function channelNames(info: ModelInfo): readonly string[] {
  const nameOf = new Map(info.labels.map(({ value, name }) => [value, name]));
  return outputClasses(info).values.map(value => nameOf.get(value) ?? String(value));
}

/** What a prediction says of its confidence. The errors that intervals are from are those of one model alone. */
function confidenceFacts(
  { temperature, expectedDice }: Confidence,
  models: readonly OpenModel[],
): Pick<Prediction, 'expectedDice' | 'temperature'> {
  const errors = models.length === 1 ? (models[0]!.info.expectedDiceErrors ?? {}) : {};
  const facts = Object.entries(expectedDice).map(([name, dice]): [string, ExpectedDice] => {
    const width = errors[name]?.halfWidth;
    const interval = dice === null || width === undefined ? null : intervalAround(dice, width);
    return [name, { dice, interval }];
  });
  return { expectedDice: Object.fromEntries(facts), temperature };
}

function intervalAround(dice: number, halfWidth: number): readonly [number, number] {
  return [Math.max(0, dice - halfWidth), Math.min(1, dice + halfWidth)];
}

/** Refuses an entropy that does not exist or has no name. */
function assertEntropyKnown(models: readonly ModelFile[], { entropy, bids }: Pick<Beside, 'entropy' | 'bids'>): void {
  if (!entropy) return;
  const silent = models.find(({ givesLabels }) => givesLabels === true);
  if (silent !== undefined) {
    throw new InputError(
      'E_MODEL_OUTPUT',
      `${silent.path} gives one label per voxel without probabilities, so there is no entropy. Leave out --entropy.`,
    );
  }
  if (!bids) return;
  throw new InputError('E_OUTPUT_NAME', 'BIDS has no name for a map of entropy. Leave out --entropy or --bids.');
}

/** Refuses a result that would replace an input. */
async function assertInputsStay({ files }: Laboratory, jobs: readonly PredictionJob[], beside: Beside): Promise<void> {
  const inputs = new Set<string | undefined>();
  for (const path of jobs.flatMap(job => job.inputs)) inputs.add(await files.realPath(path));
  const outputs = jobs.flatMap(job => pathsOf(job, beside));
  for (const output of outputs) {
    const existing = await files.realPath(output);
    if (existing === undefined || !inputs.has(existing)) continue;
    throw new InputError('E_OUTPUT_NAME', `${output} would replace an input. Give another --output.`);
  }
}

/**
 * Segments one volume or several.
 * @returns the volumes that were segmented
 * @throws {InputError} E_NO_INPUT, E_OUTPUT_NAME, and as openModel; as readStacked and segmentWithEnsemble for a volume
 * that is not reported to `onFailure`
 * @throws {ImplausibleError} with `strict`, likewise
 */
export async function predictFiles(laboratory: Laboratory, options: PredictOptions): Promise<readonly Prediction[]> {
  const { progress } = laboratory;
  const { models: modelFiles, output, series, signal, onFailure } = options;
  const beside = besideOf(options);
  const { entropy, bids } = beside;
  const inputs = [options.input].flat();
  if (inputs.length === 0) throw new InputError('E_NO_INPUT', 'there is no input to segment.');
  assertEntropyKnown(modelFiles, { entropy, bids });
  if (bids) await assertBidsFolder(laboratory.files, output);
  const { channels } = modelFiles[0]!.info;
  assertHandoverNames(options.handover ?? {}, output);
  const found = await predictionJobs(laboratory, { inputs, output, format: options.format, series, beside, channels });
  const { jobs, refusals, isSingle } = found;
  const named = new Set(found.passedOver.map(({ path }) => folderOf(path)));
  await assertInputsStay(laboratory, jobs, beside);
  for (const one of found.passedOver) {
    progress.warn(`W_PASSED_OVER: ${one.path} is not segmented: ${one.reason}.`);
    options.onPassedOver?.(one);
  }
  sharedClasses(modelFiles.map(({ info }) => info));
  const leaveOut = (volume: readonly string[], error: unknown): void => {
    if (signal?.aborted || isSingle || onFailure === undefined) throw error;
    const failure = { inputs: volume, ...describeFailure(error) };
    progress.warn(`${volume.join(', ')} is left out: ${failure.code}: ${failure.message}`);
    onFailure(failure);
  };
  for (const refusal of refusals) leaveOut(refusal.inputs, refusal.error);
  const stage = coarseOf(modelFiles, options.coarse);
  const cascade = await openCascade(laboratory.engine, modelFiles, stage ?? null);
  const predictions: Prediction[] = [];
  const firsts = jobs.map(job => job.inputs[0]!);
  const first = cascade.coarse?.models ?? cascade.models;
  const asked = { models: first.map(({ info }) => info), window: options.window, series };
  const expected = await expectWindows(laboratory, firsts, asked);
  const open = (windows: number): ProgressTask => progress.task('predict', windows, 'window');
  const shown = createWindowProgress({ expected, noun: 'volume', open });
  try {
    for (const job of jobs) {
      signal?.throwIfAborted();
      const onProgress = shown.window;
      try {
        predictions.push(await predictOne(laboratory, cascade, { ...options, onProgress, job, named }));
      } catch (error) {
        leaveOut(job.inputs, error);
      }
      shown.next();
    }
  } finally {
    await cascade.close();
  }
  shown.finish();
  if (bids && predictions.length > 0) {
    const { files, machine } = laboratory;
    const named = [...modelFiles, ...coarseFilesApart(modelFiles, stage)].map(
      ({ path, bytes }) => `${path.split('/').at(-1)} (SHA-256 ${machine.sha256(bytes)})`,
    );
    const version = machine.provenance.versions['voxstill'] ?? 'unknown';
    await describeBidsDataset(files, output, { version, models: named });
  }
  return predictions;
}
