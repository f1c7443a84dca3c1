/**
 * Segments volumes from files to files. A result has the header of its input, or the same size and affine if the input
 * is not a NIfTI file, so it is on the same grid. For models with several channels, files with nnU-Net's names
 * (`case_0000`, `case_0001`, ...) belong together.
 */

import { type ErrorCode, InputError, VoxstillError } from '../core/errors.ts';
import { formatBytes } from '../core/format.ts';
import { readStacked } from '../data/stacked-volume.ts';
import { encodeLabels, isDicomFolder, type VolumeSources } from '../data/volume-file.ts';
import { formatOfName, RESULT_ENDINGS, VOLUME_ENDINGS, volumeStem } from '../data/volume-name.ts';
import { sharedClasses } from '../inference/ensemble.ts';
import { type OpenModel, outputClasses } from '../inference/model-info.ts';
import { type SegmentOptions, segmentWithEnsemble } from '../inference/predictor.ts';
import type { WindowChoice } from '../inference/sliding-window.ts';
import { classVolumesMl } from '../metrics/overlap.ts';
import { encodeNiftiImage } from '../volume/nifti.ts';
import { formatSize, type Volume, voxelCount } from '../volume/volume.ts';
import type { Laboratory } from './laboratory.ts';
import type { ModelFile } from './model-file.ts';
import { openModels } from './open-models.ts';

export interface PredictOptions {
  /** One model, or an ensemble by mean probability. */
  readonly models: readonly ModelFile[];
  /** Input: a volume, a folder with one DICOM series, or a folder of these. */
  readonly input: string;
  /** Output: a .nii.gz, .nrrd, .mha or .mgz file for a volume, or a folder. */
  readonly output: string;
  /**
   * SeriesInstanceUID of the DICOM series to read from a folder with several; other files of the folder are then
   * ignored.
   */
  readonly series?: string | undefined;
  /** Whether to also write the probabilities, beside the labels as `<name>_probabilities.nii.gz`. */
  readonly probabilities: boolean;
  readonly window: WindowChoice;
  /** Whether the post-processing of the model is applied; true if not given. */
  readonly postprocess?: boolean;
  /**
   * Called for each volume of a folder that cannot be segmented, after which the others follow. If not given, the first
   * such volume ends the work with its error, as it always does where the input is one volume.
   */
  readonly onFailure?: (failure: PredictionFailure) => void;
  readonly signal?: AbortSignal;
}

/** A volume of a folder that could not be segmented. */
export interface PredictionFailure {
  readonly inputs: readonly string[];
  readonly code: ErrorCode;
  readonly message: string;
}

/** One segmented volume. */
export interface Prediction {
  readonly inputs: readonly string[];
  readonly output: string;
  readonly probabilities?: string;
  readonly seconds: number;
  /** Volume of each class but the background. */
  readonly volumesMl: Readonly<Record<string, number>>;
}

/** Files of one volume, and the path of its labels. */
interface Job {
  readonly inputs: readonly string[];
  readonly output: string;
}

const CHANNEL_SUFFIX = /_\d{4}$/;

function withoutSlash(path: string): string {
  return path.replace(/(?<=.)\/+$/, '');
}

/** Path of the labels of a single volume: the requested file, or a file in the requested folder. */
function singleOutput(input: string, output: string): string {
  if (RESULT_ENDINGS.test(output)) return output;
  if (formatOfName(output) === undefined) return `${withoutSlash(output)}/${volumeStem(input)}.nii.gz`;
  throw new InputError(
    'E_OUTPUT_NAME',
    `results are written as .nii.gz, .nrrd, .mha or .mgz, compressed in one file, not as ${output}.`,
  );
}

/** The volumes that a path stands for: itself, its files, or its folders with a DICOM series each. */
async function volumesAt(sources: VolumeSources, path: string): Promise<readonly string[]> {
  const names = (await sources.files.list(path)).filter(name => !name.startsWith('.'));
  if (names.length === 0 && formatOfName(path) !== undefined) return [path];
  const volumes = names.filter(name => (formatOfName(name) ?? 'dicom') !== 'dicom');
  if (volumes.length > 0) return volumes.map(name => `${path}/${name}`);
  if (await isDicomFolder(sources, path)) return [path];
  const series: string[] = [];
  for (const name of names) if (await isDicomFolder(sources, `${path}/${name}`)) series.push(`${path}/${name}`);
  if (series.length > 0) return series;
  if (await isDicomFolder(sources, path, { nested: true })) return [path];
  throw new InputError(
    'E_NO_INPUT',
    `${path} is neither a volume (${VOLUME_ENDINGS}) nor a folder with volumes or DICOM series.`,
  );
}

interface Jobs {
  readonly jobs: readonly Job[];
  /** Whether the input is one volume, not a folder of them. */
  readonly isSingle: boolean;
}

async function jobsOf(sources: VolumeSources, { models, ...options }: PredictOptions): Promise<Jobs> {
  const [input, output] = [withoutSlash(options.input), withoutSlash(options.output)];
  const volumes = options.series === undefined ? await volumesAt(sources, input) : [input];
  if (volumes[0] === input) {
    return { jobs: [{ inputs: [input], output: singleOutput(input, output) }], isSingle: true };
  }
  if (formatOfName(output) !== undefined) {
    throw new InputError('E_OUTPUT_NAME', `${input} is a folder, so --output must be a folder too, not ${output}.`);
  }
  const groups = new Map<string, string[]>();
  for (const path of volumes) {
    const stem = volumeStem(path);
    const id = models[0]!.info.channels > 1 ? stem.replace(CHANNEL_SUFFIX, '') : stem;
    groups.set(id, [...(groups.get(id) ?? []), path]);
  }
  const jobs = [...groups].map(([id, inputs]) => ({ inputs, output: `${output}/${id}.nii.gz` }));
  return { jobs, isSingle: false };
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

async function predictOne(
  laboratory: Laboratory,
  models: readonly OpenModel[],
  options: PredictOptions & Pick<SegmentOptions, 'onProgress'> & { readonly job: Job },
): Promise<Prediction> {
  const { files, machine, progress } = laboratory;
  const { probabilities, window, postprocess = true, onProgress, signal, series } = options;
  const { inputs, output } = options.job;
  const { info } = models[0]!;
  const { volume, header, warnings } = await readStacked(laboratory, inputs, { series });
  if (probabilities) warnOfMemory(laboratory, volume, outputClasses(info).values.length);
  const startMs = machine.elapsedMs();
  const result = await segmentWithEnsemble(models, volume, {
    ...window,
    id: volumeStem(inputs[0]!),
    probabilities,
    postprocess,
    ...(onProgress && { onProgress }),
    ...(signal && { signal }),
  });
  const seconds = (machine.elapsedMs() - startMs) / 1000;
  for (const { code, message } of [...warnings, ...result.warnings]) progress.warn(`${code}: ${message}`);
  await files.write(output, encodeLabels(result.labels, { path: output, header }));
  const prediction = { inputs, output, seconds, volumesMl: classVolumesMl(result.labels, info.labels) };
  if (result.probabilities === undefined) return prediction;
  const probabilitiesPath = output.replace(RESULT_ENDINGS, '_probabilities.nii.gz');
  await files.write(probabilitiesPath, encodeNiftiImage(result.probabilities, header));
  return { ...prediction, probabilities: probabilitiesPath };
}

/** Refuses a result that would replace an input. */
async function assertInputsStay({ files }: Laboratory, jobs: readonly Job[]): Promise<void> {
  const inputs = new Set<string | undefined>();
  for (const path of jobs.flatMap(job => job.inputs)) inputs.add(await files.realPath(path));
  for (const { output } of jobs) {
    const existing = await files.realPath(output);
    if (existing === undefined || !inputs.has(existing)) continue;
    throw new InputError('E_OUTPUT_NAME', `${output} would replace an input. Give another --output.`);
  }
}

/** What a failed volume is listed with. */
function failureOf({ inputs }: Job, error: unknown): PredictionFailure {
  if (error instanceof VoxstillError) return { inputs, code: error.code, message: error.message };
  const message = `${error instanceof Error ? error.message : error}. This is a bug in voxstill; --input with this volume alone and --debug shows where.`;
  return { inputs, code: 'E_INTERNAL', message };
}

/**
 * Segments one volume or all of a folder.
 * @returns the volumes that were segmented
 * @throws {InputError} E_NO_INPUT, E_OUTPUT_NAME, and as openModel; as readStacked and segmentWithEnsemble for a volume
 * that is not reported to `onFailure`
 */
export async function predictFiles(laboratory: Laboratory, options: PredictOptions): Promise<readonly Prediction[]> {
  const { jobs, isSingle } = await jobsOf(laboratory, options);
  await assertInputsStay(laboratory, jobs);
  sharedClasses(options.models.map(({ info }) => info));
  const { models, close } = await openModels(laboratory.engine, options.models);
  const { signal, onFailure } = options;
  const predictions: Prediction[] = [];
  const { progress } = laboratory;
  const task = progress.task('predict', jobs.length, 'volume');
  try {
    for (const [index, job] of jobs.entries()) {
      signal?.throwIfAborted();
      const onProgress = (done: number, total: number): void => task.update(index, `window ${done} of ${total}`);
      try {
        predictions.push(await predictOne(laboratory, models, { ...options, onProgress, job }));
      } catch (error) {
        if (signal?.aborted || isSingle || onFailure === undefined) throw error;
        const failure = failureOf(job, error);
        progress.warn(`${failure.inputs.join(', ')} is left out: ${failure.code}: ${failure.message}`);
        onFailure(failure);
      }
      task.update(index + 1);
    }
  } finally {
    await close();
  }
  task.finish();
  return predictions;
}
