/**
 * Segments a volume of any size, spacing and orientation with one model or an ensemble: turn to the models' axes, crop,
 * normalise, resample to the model's spacing, slide the window, resample the finished slices back, put them in their
 * place, choose classes, post-process. The labels lie on the input's own grid, with its affine. The steps before the
 * model are those of training, in the same order. Probabilities exist for a few slices at a time: memory is the volume,
 * the image on each model's grid, one window's depth of slices per model, and the labels.
 */
import { InputError } from '../core/errors.ts';
import { type NormalizationWarning, normalize } from '../data/normalize.ts';
import type { Session } from '../runtime/engine.ts';
import { type Box, boxOfCrop, croppedVolume } from '../volume/nonzero.ts';
import { canonicalSliceIndices, storedSliceIndices, toCanonical } from '../volume/orientation.ts';
import { resampleToSpacing } from '../volume/resample.ts';
import { resampleSlices } from '../volume/resample-slices.ts';
import { createLabels, type LabelArray, type LabelVolume, type Volume, voxelCount } from '../volume/volume.ts';
import type { Confidence } from './confidence.ts';
import { confidenceOf, confidenceOn, decoding, type EnsembleWarning, temperatureWarnings } from './decoding.ts';
import {
  assertSameInputs,
  type JointClasses,
  jointSlices,
  meanSlices,
  sharedClasses,
  sharedPostprocessing,
} from './ensemble.ts';
import { type ModelInfo, type ModelLabel, type OpenModel, type OutputClasses, outputClasses } from './model-info.ts';
import { type PreparedVolume, prepareNnunet } from './nnunet/prepare.ts';
import { countJobWindows, type NnunetJob, nnunetSlices } from './nnunet/segment.ts';
import { backgroundChannel, pasteSlices } from './pasted.ts';
import { postprocess } from './postprocess.ts';
import { labelsFromProbabilities } from './probabilities.ts';
import { countWindows, probabilitySlices, type SlidingWindowOptions, type WindowOptions } from './sliding-window.ts';

export interface SegmentOptions extends WindowOptions {
  /** Name of the volume in warnings; `input` if not given. */
  readonly id?: string;
  /** Whether to return the probabilities too, which takes 4 bytes per voxel and channel. */
  readonly probabilities?: boolean;
  /** Whether to return how sure the segmentation is; `entropy` adds that of every voxel. */
  readonly confidence?: boolean | 'entropy';
  /** 0 for voxels of which the confidence says nothing, one per voxel; it is of all if not given. */
  readonly counted?: Uint8Array | undefined;
  /** Whether the post-processing of the model is applied to the labels; true if not given. */
  readonly postprocess?: boolean;
  /** How models that know different classes segment together; otherwise they have the same classes. */
  readonly joint?: JointClasses;
  /**
   * Receives the probabilities [K, y, x] of each slice in the models' axes, and the index of each of its voxels in the
   * input; both are valid only during the call.
   */
  readonly onSlice?: (probabilities: Float32Array, voxels: Int32Array) => void;
}

export interface Segmentation {
  /** On the grid of the input, with the label values of the model. */
  readonly labels: LabelVolume;
  /** Probabilities with one channel per output channel of the model, on the grid of the input; only if asked for. */
  readonly probabilities?: Volume;
  /** How sure it is; only if asked for. */
  readonly confidence?: Confidence;
  readonly warnings: readonly SegmentationWarning[];
}

/** A warning about a segmentation, which does not stop it. */
export interface SegmentationWarning {
  readonly code: NormalizationWarning['code'] | EnsembleWarning['code'] | 'W_POSTPROCESS' | 'W_CASCADE_EMPTY';
  readonly message: string;
}

/**
 * Segments a volume with one model.
 * @param volume any grid; not changed
 * @throws as {@link segmentWithEnsemble}
 */
export function segment(
  session: Session,
  info: ModelInfo,
  volume: Volume,
  options: SegmentOptions = {},
): Promise<Segmentation> {
  return segmentWithEnsemble([{ session, info }], volume, options);
}

/**
 * Segments a volume by the mean of the probabilities of several models. Each sees the volume normalised and resampled
 * as in its own training, through its own window; the mean is taken on the volume's own voxels.
 * @param models at least one, with the same channels and classes
 * @param volume any grid; not changed
 * @throws {InputError} E_CHANNELS if the volume has other channels than the models take; E_MODEL_LABELS if a model
 * names no class; E_ENSEMBLE if the models differ in channels, classes or axes; E_CASCADE for models of a region, see
 * segmentCascade; as probabilitySlices
 * @throws {WorkError} E_NOT_FINITE if a model gives NaN
 */
export async function segmentWithEnsemble(
  models: readonly OpenModel[],
  volume: Volume,
  options: SegmentOptions = {},
): Promise<Segmentation> {
  const infos = models.map(({ info }) => info);
  assertOfWholeVolumes(infos);
  const { joint } = options;
  const classes = resultClasses(infos, joint);
  const { kind, values } = classes;
  const { sizeVoxels, spacingMm, affine } = volume;
  const voxels = voxelCount(sizeVoxels);
  const canonical = models[0]?.info.orientation === 'RAS';
  const turned = canonical ? toCanonical(volume) : volume;
  const sliceIndices = canonical ? canonicalSliceIndices(volume) : storedSliceIndices(volume);
  const images = modelImages(models, turned, options.id ?? 'input');
  const labelValues = kind === 'softmax' ? values : [0, ...values];
  const labels = createLabels(voxels, Math.max(...labelValues));
  const { thresholds, warnings: doubts } = decoding(infos, classes, joint);
  const counter = confidenceOf(infos, { classes, voxels, options });
  const kept = options.probabilities === true ? new Float32Array(values.length * voxels) : undefined;
  let z = 0;
  for await (const slice of resultSlices(openStreams(images, turned, options), joint)) {
    const places = sliceIndices(z++);
    options.onSlice?.(slice, places);
    const indices = labelsFromProbabilities(slice, { classes: values.length, kind, thresholds });
    writeLabels(labels, places, { indices, values: labelValues });
    counter?.add(slice, places, labels);
    if (kept !== undefined) keep(kept, slice, places);
  }
  const grid = { sizeVoxels, spacingMm, affine };
  const finished =
    options.postprocess === false
      ? undefined
      : finish({ ...grid, data: labels }, infos, joint?.labels ?? infos[0]!.labels);
  const warnings = [
    ...images.flatMap(({ seen }) => seen.warnings),
    ...doubts,
    ...(counter === undefined ? [] : temperatureWarnings(infos, joint)),
    ...(finished?.warnings ?? []),
  ];
  const result = finished?.labels ?? { ...grid, data: labels };
  return {
    labels: result,
    ...(kept && { probabilities: { ...grid, data: kept, channels: values.length } }),
    ...(counter && { confidence: confidenceOn(grid, counter, { before: labels, after: result.data }) }),
    warnings: warnings.filter(({ message }, index) => warnings.findIndex(one => one.message === message) === index),
  };
}

/** Refuses models that segment nothing but a region: on a whole volume their result would be wrong without a sign. */
function assertOfWholeVolumes(infos: readonly ModelInfo[]): void {
  if (infos.every(({ cascade }) => cascade === undefined)) return;
  throw new InputError(
    'E_CASCADE',
    'the model was trained in the region that its coarse stage finds, and nothing is known of it elsewhere. Open both stages with openCascade, and segment with segmentCascade.',
  );
}

/**
 * The classes of the result of models.
 * @throws {InputError} E_ENSEMBLE if they differ in what must be the same; E_MODEL_LABELS
 */
export function resultClasses(infos: readonly ModelInfo[], joint: JointClasses | undefined): OutputClasses {
  if (joint === undefined) return sharedClasses(infos);
  assertSameInputs(infos);
  return joint;
}

/** What the models say together. */
function resultSlices(
  streams: readonly AsyncGenerator<Float32Array, void>[],
  joint: JointClasses | undefined,
): AsyncGenerator<Float32Array, void> {
  return joint === undefined ? meanSlices(streams) : jointSlices(streams, joint);
}

/** Puts the labels of a slice in their places; `indices` are those of the values. */
function writeLabels(
  labels: LabelArray,
  places: Int32Array,
  { indices, values }: { readonly indices: Uint8Array; readonly values: readonly number[] },
): void {
  for (let i = 0; i < places.length; i++) labels[places[i]!] = values[indices[i]!]!;
}

/** Puts a slice [K, plane] in its places of all probabilities [K, voxels]. */
function keep(all: Float32Array, slice: Float32Array, places: Int32Array): void {
  const plane = places.length;
  const classes = slice.length / plane;
  for (let k = 0; k < classes; k++) {
    const [from, to] = [k * plane, (k * all.length) / classes];
    for (let i = 0; i < plane; i++) all[to + places[i]!] = slice[from + i]!;
  }
}

/** Applies the post-processing that the models share. */
function finish(
  labels: LabelVolume,
  infos: readonly ModelInfo[],
  classes: readonly ModelLabel[],
): Pick<Segmentation, 'labels' | 'warnings'> {
  const steps = sharedPostprocessing(infos);
  if (steps !== undefined) return { labels: postprocess(labels, classes, steps), warnings: [] };
  const message = 'the models of the ensemble have different post-processing, so none is applied.';
  return { labels, warnings: [{ code: 'W_POSTPROCESS', message }] };
}

/** A volume as the program prepares it. */
interface OwnVolume {
  /** On the grid of the model. */
  readonly image: Volume;
  /** What of the volume it shows. */
  readonly box: Box;
  readonly warnings: readonly NormalizationWarning[];
}

/** A volume on the grid of a model: as the program prepares it, or as nnU-Net does. */
type GridImage = OwnVolume | PreparedVolume;

/** A volume as one model sees it. */
interface ModelImage extends OpenModel {
  readonly seen: GridImage;
}

/** The volume on the grid of each model; models with equal requirements share it. */
function modelImages(models: readonly OpenModel[], volume: Volume, id: string): readonly ModelImage[] {
  const prepared = new Map<string, GridImage>();
  return models.map(model => {
    const { info } = model;
    const key = JSON.stringify([info.crop, info.normalize, info.spacingMm, info.imageInterpolation, info.nnunet]);
    const seen = prepared.get(key) ?? toModelGrid(volume, info, id);
    prepared.set(key, seen);
    return { ...model, seen };
  });
}

function toModelGrid(volume: Volume, info: ModelInfo, id: string): GridImage {
  if (info.nnunet !== undefined) return prepareNnunet(volume, info.nnunet, id);
  const { channels } = volume;
  if (channels !== info.channels) {
    throw new InputError(
      'E_CHANNELS',
      info.channels === 1
        ? `the model takes 1 channel, ${id} has ${channels}: channels, or frames of a series in time. Choose one of them (predict --frame N).`
        : `the model takes ${info.channels} channel(s), ${id} has ${channels}. Give the same images in the same order as in training.`,
    );
  }
  const box = boxOfCrop(volume, info.crop ?? 'none');
  const kept = croppedVolume(volume, box);
  const normalized = normalize({ id, data: kept.data, channels }, info.normalize);
  const onOwnGrid: Volume = { ...kept, data: normalized.data };
  const image =
    info.spacingMm === undefined
      ? onOwnGrid
      : resampleToSpacing(onOwnGrid, info.spacingMm, info.imageInterpolation ?? 'linear');
  return { image, box, warnings: normalized.warnings };
}

/** One model that segments one volume. */
interface Stream {
  readonly windows: number;
  /** Probabilities on the grid of the volume; nothing runs before the first slice is asked for. */
  readonly open: (onProgress: (done: number) => void) => AsyncGenerator<Float32Array, void>;
}

function streamOf({ session, info, seen }: ModelImage, volume: Volume, options: SegmentOptions): Stream {
  const output = outputClasses(info);
  const classes = output.values.length;
  const { sizeVoxels, spacingMm } = volume;
  const background = voxelCount(seen.box.size) < voxelCount(sizeVoxels) ? backgroundChannel(output) : undefined;
  const mirror = options.mirror ?? info.mirror;
  if (info.nnunet !== undefined && 'sizeVoxels' in seen) {
    const job: NnunetJob = {
      ...options,
      ...(mirror && { mirror }),
      model: { session, info },
      prepared: seen,
      pipeline: info.nnunet,
      sizeVoxels,
      spacingMm,
      classes,
      activation: info.activation,
      background,
    };
    return { windows: countJobWindows(job), open: onProgress => nnunetSlices({ ...job, onProgress }) };
  }
  const { image, box } = seen as OwnVolume;
  const [width, height, depth] = image.sizeVoxels;
  const job: SlidingWindowOptions = {
    ...options,
    ...(mirror && { mirror }),
    session,
    image: image.data,
    channels: image.channels,
    size: [depth, height, width],
    window: info.patch,
    ...(info.output && { output: info.output }),
    ...(info.batch && { fixedBatch: info.batch }),
    classes,
    activation: info.activation,
    areProbabilities: info.activation === 'none',
    inputName: info.inputName,
    outputName: info.outputName,
  };
  const grids = { channels: classes, from: image.sizeVoxels, to: box.size };
  const place = { box, sizeVoxels, classes, background };
  return {
    windows: countWindows(job),
    open: onProgress => pasteSlices(resampleSlices(probabilitySlices({ ...job, onProgress }), grids), place),
  };
}

/** What every model says, slice after slice on the grid of the volume. */
function openStreams(
  images: readonly ModelImage[],
  volume: Volume,
  { onProgress, ...options }: SegmentOptions,
): readonly AsyncGenerator<Float32Array, void>[] {
  const streams = images.map(image => streamOf(image, volume, options));
  const total = streams.reduce((sum, { windows }) => sum + windows, 0);
  const doneByStream = streams.map(() => 0);
  return streams.map(({ open }, index) =>
    open(done => {
      doneByStream[index] = done;
      onProgress?.(
        doneByStream.reduce((sum, each) => sum + each, 0),
        total,
      );
    }),
  );
}
