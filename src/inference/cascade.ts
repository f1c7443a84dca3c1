/**
 * Coarse to fine: a coarse model, as a rule at a coarse spacing, segments the whole volume; the box around everything
 * that it found, with a margin, is the region of interest; the fine model segments this region as if it were the whole
 * image, and around it there is background. Where the coarse model finds nothing, nothing is segmented, with a warning.
 * Memory: the volume, what one of the two stages takes, and the labels; the fine model never sees the whole volume.
 */
import { InputError } from '../core/errors.ts';
import { type Box, cropped, croppedVolume } from '../volume/nonzero.ts';
import { regionAround } from '../volume/region.ts';
import { createLabels, createLabelsLike, type Volume, voxelCount } from '../volume/volume.ts';
import type { Confidence } from './confidence.ts';
import { confidenceOf, confidenceOn } from './decoding.ts';
import type { OpenModel, OutputClasses } from './model-info.ts';
import { backgroundChannel } from './pasted.ts';
import {
  resultClasses,
  type Segmentation,
  type SegmentationWarning,
  type SegmentOptions,
  segmentWithEnsemble,
} from './predictor.ts';

/** The first stage. */
export interface CoarseStage {
  /** One model, or an ensemble. */
  readonly models: readonly OpenModel[];
  /** Margin around what it finds, on every side, mm. */
  readonly marginMm: number;
}

export interface CascadeOptions extends SegmentOptions {
  /**
   * Finds the region of interest. Null: the whole volume is segmented, also by a model that was trained in a region;
   * undefined: the same, but such a model is refused.
   */
  readonly coarse?: CoarseStage | null | undefined;
  /** Gets the region, as a volume, before it is segmented; may throw to stop. */
  readonly onRegion?: (region: Volume) => void;
  /**
   * Gets the voxels around the region in place of `onSlice`, where they must be kept apart: that they are background
   * is nothing that the fine model says.
   */
  readonly onSurroundings?: SegmentOptions['onSlice'];
}

/** A segmentation, and the region that the fine model saw. */
export interface CascadeSegmentation extends Segmentation {
  /** In voxels of the input; null if the coarse model found nothing; absent without a coarse model. */
  readonly region?: Box | null;
}

/** Indices in the whole grid of the voxels of a box, x fastest. */
function placesOf({ sizeVoxels: [width, height] }: Volume, { start, size }: Box): Int32Array {
  const places = new Int32Array(voxelCount(size));
  let index = 0;
  for (let z = 0; z < size[2]; z++) {
    for (let y = 0; y < size[1]; y++) {
      const from = ((z + start[2]) * height + y + start[1]) * width + start[0];
      for (let x = 0; x < size[0]; x++) places[index++] = from + x;
    }
  }
  return places;
}

/** Reports the voxels around the region, slice by slice: they are background for sure. */
function tellSurroundings(
  onSlice: NonNullable<SegmentOptions['onSlice']>,
  inside: Uint8Array,
  { volume, classes }: { readonly volume: Volume; readonly classes: OutputClasses },
): void {
  const background = backgroundChannel(classes);
  const plane = volume.sizeVoxels[0] * volume.sizeVoxels[1];
  for (let first = 0; first < inside.length; first += plane) {
    const outside: number[] = [];
    for (let voxel = first; voxel < first + plane; voxel++) if (inside[voxel] === 0) outside.push(voxel);
    if (outside.length === 0) continue;
    const probabilities = new Float32Array(classes.values.length * outside.length);
    if (background !== undefined) {
      probabilities.fill(1, background * outside.length, (background + 1) * outside.length);
    }
    onSlice(probabilities, Int32Array.from(outside));
  }
}

/** Values of the region in their places, in every channel; others have what the channel has around it. */
function spread(
  { data, channels }: Pick<Volume, 'data' | 'channels'>,
  {
    places,
    voxels,
    around,
  }: { readonly places: Int32Array; readonly voxels: number; readonly around: number | undefined },
): Float32Array {
  const result = new Float32Array(channels * voxels);
  if (around !== undefined) result.fill(1, around * voxels, (around + 1) * voxels);
  for (let channel = 0; channel < channels; channel++) {
    for (let i = 0; i < places.length; i++) {
      result[channel * voxels + places[i]!] = data[channel * places.length + i]!;
    }
  }
  return result;
}

/** A result in which nothing was found. */
function nothingFound(models: readonly OpenModel[], volume: Volume, options: CascadeOptions): CascadeSegmentation {
  const infos = models.map(({ info }) => info);
  const { sizeVoxels, spacingMm, affine } = volume;
  const grid = { sizeVoxels, spacingMm, affine };
  const classes = resultClasses(infos, options.joint);
  const voxels = voxelCount(sizeVoxels);
  const data = createLabels(voxels, Math.max(...classes.values));
  const { onSlice, onSurroundings = onSlice } = options;
  if (onSurroundings !== undefined) tellSurroundings(onSurroundings, new Uint8Array(voxels), { volume, classes });
  const counter = confidenceOf(infos, { classes, voxels, options });
  const channels = classes.values.length;
  const nowhere = { places: new Int32Array(0), voxels, around: backgroundChannel(classes) };
  const warning: SegmentationWarning = {
    code: 'W_CASCADE_EMPTY',
    message: `${options.id ?? 'input'}: the coarse model found nothing, so there is no region for the fine model and nothing is segmented. Look at the image, or segment it without the coarse model.`,
  };
  return {
    labels: { ...grid, data },
    ...(options.probabilities && {
      probabilities: { ...grid, data: spread({ data: new Float32Array(0), channels }, nowhere), channels },
    }),
    ...(counter && { confidence: confidenceOn(grid, counter, { before: data, after: data }) }),
    region: null,
    warnings: [warning],
  };
}

/** The confidence of a region as that of the volume: around it nothing is expected, and nothing is unsure. */
function confidenceOfAll(confidence: Confidence, volume: Volume, places: Int32Array): Confidence {
  const { entropy } = confidence;
  if (entropy === undefined) return confidence;
  const { sizeVoxels, spacingMm, affine } = volume;
  const data = spread(entropy, { places, voxels: voxelCount(sizeVoxels), around: undefined });
  return { ...confidence, entropy: { data, channels: 1, sizeVoxels, spacingMm, affine } };
}

/** A region of interest, and what was found on the way. */
interface FoundRegion {
  /** In voxels of the volume; undefined if the coarse model finds nothing. */
  readonly box: Box | undefined;
  readonly warnings: readonly SegmentationWarning[];
}

/**
 * The region that a coarse model finds in a volume.
 * @param volume any grid; not changed
 * @param options those of the windows, and the name of the volume, count
 * @throws {InputError} E_CASCADE if the margin is no number of at least 0; as segmentWithEnsemble
 */
export async function findRegion(
  { models, marginMm }: CoarseStage,
  volume: Volume,
  { id, overlap, weighting, mirror, signal, onProgress }: SegmentOptions,
): Promise<FoundRegion> {
  if (!(marginMm >= 0 && Number.isFinite(marginMm))) {
    throw new InputError('E_CASCADE', `the margin around the region must be at least 0 mm; got ${marginMm}.`);
  }
  const { labels, warnings } = await segmentWithEnsemble(models, volume, {
    ...(id !== undefined && { id }),
    ...(overlap !== undefined && { overlap }),
    ...(weighting && { weighting }),
    ...(mirror && { mirror }),
    ...(signal && { signal }),
    ...(onProgress && { onProgress }),
  });
  return { box: regionAround(labels, marginMm), warnings };
}

/** The models as models of whole volumes: what they are given is their region. */
function ofRegion(models: readonly OpenModel[]): readonly OpenModel[] {
  return models.map(({ session, info: { cascade: _, ...info } }) => ({ session, info }));
}

/**
 * Segments a volume with a fine model or ensemble, in the region that a coarse one finds; in the whole volume without a
 * coarse one.
 * @param models the fine ones
 * @param volume any grid; not changed
 * @throws {InputError} E_CASCADE if the margin is no number of at least 0, or a model of a region is given no coarse
 * one; E_MODEL_LABELS if the fine model has no background; as segmentWithEnsemble
 */
export async function segmentCascade(
  models: readonly OpenModel[],
  volume: Volume,
  options: CascadeOptions,
): Promise<CascadeSegmentation> {
  const { coarse, onRegion, onProgress, onSurroundings = options.onSlice, ...fine } = options;
  if (coarse === undefined) return segmentWithEnsemble(models, volume, { ...fine, ...(onProgress && { onProgress }) });
  const insideModels = ofRegion(models);
  if (coarse === null) {
    return segmentWithEnsemble(insideModels, volume, { ...fine, ...(onProgress && { onProgress }) });
  }
  const classes = resultClasses(
    models.map(({ info }) => info),
    fine.joint,
  );
  const background = backgroundChannel(classes);
  const { onSlice, counted } = fine;
  let before = 0;
  const { box, warnings: found } = await findRegion(coarse, volume, {
    ...fine,
    onProgress: (done, total) => {
      before = total;
      onProgress?.(done, total);
    },
  });
  if (box === undefined) {
    const nothing = nothingFound(models, volume, options);
    return { ...nothing, warnings: [...found, ...nothing.warnings] };
  }
  const region = croppedVolume(volume, box);
  onRegion?.(region);
  const places = placesOf(volume, box);
  const { sizeVoxels, spacingMm, affine } = volume;
  const voxels = voxelCount(sizeVoxels);
  const inside = await segmentWithEnsemble(insideModels, region, {
    ...fine,
    ...(counted && { counted: cropped(counted, sizeVoxels, box) }),
    ...(onSlice && {
      onSlice: (probabilities, own) =>
        onSlice(
          probabilities,
          own.map(place => places[place]!),
        ),
    }),
    ...(onProgress && { onProgress: (done, total) => onProgress(before + done, before + total) }),
  });
  const grid = { sizeVoxels, spacingMm, affine };
  const data = createLabelsLike(inside.labels.data, voxels);
  const isInside = new Uint8Array(voxels);
  for (let i = 0; i < places.length; i++) {
    data[places[i]!] = inside.labels.data[i]!;
    isInside[places[i]!] = 1;
  }
  if (onSurroundings !== undefined) tellSurroundings(onSurroundings, isInside, { volume, classes });
  const { probabilities, confidence } = inside;
  return {
    labels: { ...grid, data },
    ...(probabilities && {
      probabilities: {
        ...grid,
        channels: probabilities.channels,
        data: spread(probabilities, { places, voxels, around: background }),
      },
    }),
    ...(confidence && { confidence: confidenceOfAll(confidence, volume, places) }),
    region: box,
    warnings: [...found, ...inside.warnings].filter(
      ({ message }, index, all) => all.findIndex(one => one.message === message) === index,
    ),
  };
}
