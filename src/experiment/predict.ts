/**
 * Segments volumes from files to files. A result has its input's header, so it lies on the same grid in the same place.
 * For models with several channels, files named as nnU-Net names them (`case_0000`, `case_0001`, ...) belong together.
 */
import { InputError } from '../core/errors.ts';
import { sharedClasses } from '../inference/ensemble.ts';
import { type OpenModel, outputClasses } from '../inference/model-info.ts';
import { type SegmentOptions, segmentWithEnsemble } from '../inference/predictor.ts';
import type { WindowChoice } from '../inference/sliding-window.ts';
import { volumeMl } from '../metrics/overlap.ts';
import { decodeNifti, encodeNiftiImage, encodeNiftiLabels, type NiftiHeader } from '../volume/nifti.ts';
import { formatSize, type Volume, voxelCount } from '../volume/volume.ts';
import type { Laboratory } from './laboratory.ts';
import { type ModelFile, openModels } from './model-file.ts';

export interface PredictOptions {
  /** One model, or several whose mean probability decides. */
  readonly models: readonly ModelFile[];
  /** A volume, or a folder of volumes. */
  readonly input: string;
  /** A .nii.gz file for a volume, a folder for a folder. */
  readonly output: string;
  /** Also write the probabilities, beside the labels as `<name>_probabilities.nii.gz`. */
  readonly probabilities: boolean;
  readonly window: WindowChoice;
  readonly signal?: AbortSignal;
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

/** Files that make one volume, and where its labels go. */
interface Job {
  readonly inputs: readonly string[];
  readonly output: string;
}

const VOLUME_FILE = /\.nii(\.gz)?$/i;
const CHANNEL_SUFFIX = /_\d{4}$/;

function stemOf(path: string): string {
  return path.split('/').at(-1)!.replace(VOLUME_FILE, '');
}

async function jobsOf({ files }: Laboratory, { models, input, output }: PredictOptions): Promise<readonly Job[]> {
  const names = (await files.list(input)).filter(name => VOLUME_FILE.test(name) && !name.startsWith('.'));
  const outputFolder = output.replace(/(?<=.)\/+$/, '');
  if (names.length === 0) {
    if (!VOLUME_FILE.test(input)) {
      throw new InputError('E_NO_INPUT', `${input} is neither a volume (.nii, .nii.gz) nor a folder with volumes.`);
    }
    if (/\.nii\.gz$/i.test(output)) return [{ inputs: [input], output }];
    if (VOLUME_FILE.test(output)) {
      throw new InputError(
        'E_OUTPUT_NAME',
        `results are compressed: call the output ${output}.gz instead of ${output}.`,
      );
    }
    return [{ inputs: [input], output: `${outputFolder}/${stemOf(input)}.nii.gz` }];
  }
  if (VOLUME_FILE.test(output)) {
    throw new InputError('E_OUTPUT_NAME', `${input} is a folder, so --output must be a folder too, not ${output}.`);
  }
  const groups = new Map<string, string[]>();
  for (const name of names) {
    const stem = stemOf(name);
    const id = models[0]!.info.channels > 1 ? stem.replace(CHANNEL_SUFFIX, '') : stem;
    groups.set(id, [...(groups.get(id) ?? []), `${input.replace(/(?<=.)\/+$/, '')}/${name}`]);
  }
  return [...groups].map(([id, inputs]) => ({ inputs, output: `${outputFolder}/${id}.nii.gz` }));
}

async function readVolume(
  { files }: Laboratory,
  inputs: readonly string[],
): Promise<{ volume: Volume; header: NiftiHeader }> {
  const decoded: { volume: Volume; header: NiftiHeader }[] = [];
  for (const path of inputs) decoded.push(decodeNifti(await files.read(path), { path }));
  const first = decoded[0]!;
  if (decoded.length === 1) return first;
  const voxels = first.volume.data.length;
  const data = new Float32Array(voxels * decoded.length);
  decoded.forEach(({ volume }, channel) => {
    if (volume.channels !== 1 || formatSize(volume.sizeVoxels) !== formatSize(first.volume.sizeVoxels)) {
      throw new InputError('E_SHAPE_MISMATCH', `the channels ${inputs.join(', ')} must be single volumes on one grid.`);
    }
    data.set(volume.data, channel * voxels);
  });
  return { volume: { ...first.volume, data, channels: decoded.length }, header: first.header };
}

const LARGE_BYTES = 2 ** 30;

/** Probabilities, unlike labels, are in memory as a whole; a person hears of it before the time is spent. */
function warnOfMemory({ progress }: Laboratory, { sizeVoxels }: Volume, classes: number): void {
  const bytes = classes * voxelCount(sizeVoxels) * Float32Array.BYTES_PER_ELEMENT;
  if (bytes < LARGE_BYTES) return;
  const gigabytes = (bytes / 1e9).toFixed(1);
  progress.warn(
    `the probabilities of ${classes} classes on ${formatSize(sizeVoxels)} voxels take ${gigabytes} GB of memory, and as much again ` +
      'twice while they are written.',
  );
}

async function predictOne(
  laboratory: Laboratory,
  models: readonly OpenModel[],
  options: PredictOptions & Pick<SegmentOptions, 'onProgress'> & { readonly job: Job },
): Promise<Prediction> {
  const { files, machine, progress } = laboratory;
  const { probabilities, window, onProgress, signal } = options;
  const { inputs, output } = options.job;
  const { info } = models[0]!;
  const { volume, header } = await readVolume(laboratory, inputs);
  if (probabilities) warnOfMemory(laboratory, volume, outputClasses(info).values.length);
  const startMs = machine.elapsedMs();
  const result = await segmentWithEnsemble(models, volume, {
    ...window,
    id: stemOf(inputs[0]!),
    probabilities,
    ...(onProgress && { onProgress }),
    ...(signal && { signal }),
  });
  const seconds = (machine.elapsedMs() - startMs) / 1000;
  for (const { code, message } of result.warnings) progress.warn(`${code}: ${message}`);
  await files.write(output, encodeNiftiLabels(result.labels, header));
  const counts = new Float64Array(256);
  for (const value of result.labels.data) counts[value]!++;
  const volumes = info.labels
    .filter(({ value }) => value !== 0)
    .map(({ value, name }) => [name, volumeMl(counts[value]!, volume.spacingMm)] as const);
  const prediction = { inputs, output, seconds, volumesMl: Object.fromEntries(volumes) };
  if (result.probabilities === undefined) return prediction;
  const probabilitiesPath = output.replace(VOLUME_FILE, '_probabilities.nii.gz');
  await files.write(probabilitiesPath, encodeNiftiImage(result.probabilities, header));
  return { ...prediction, probabilities: probabilitiesPath };
}

/** A result must not replace a scan: neither its own nor one that is still to be read. */
async function assertInputsStay({ files }: Laboratory, jobs: readonly Job[]): Promise<void> {
  const inputs = new Set<string | undefined>();
  for (const path of jobs.flatMap(job => job.inputs)) inputs.add(await files.realPath(path));
  for (const { output } of jobs) {
    const existing = await files.realPath(output);
    if (existing === undefined || !inputs.has(existing)) continue;
    throw new InputError('E_OUTPUT_NAME', `${output} would replace an input. Give another --output.`);
  }
}

/**
 * Segments one volume or all of a folder.
 * @throws {InputError} E_NO_INPUT, E_OUTPUT_NAME, E_SHAPE_MISMATCH, and as decodeNifti, openModel and segmentWithEnsemble
 */
export async function predictFiles(laboratory: Laboratory, options: PredictOptions): Promise<readonly Prediction[]> {
  const jobs = await jobsOf(laboratory, options);
  await assertInputsStay(laboratory, jobs);
  sharedClasses(options.models.map(({ info }) => info));
  const { models, close } = await openModels(laboratory.engine, options.models);
  const predictions: Prediction[] = [];
  const task = laboratory.progress.task('predict', jobs.length, 'volume');
  try {
    for (const job of jobs) {
      options.signal?.throwIfAborted();
      const onProgress = (done: number, total: number): void =>
        task.update(predictions.length, `window ${done} of ${total}`);
      predictions.push(await predictOne(laboratory, models, { ...options, onProgress, job }));
      task.update(predictions.length);
    }
  } finally {
    await close();
  }
  task.finish();
  return predictions;
}
