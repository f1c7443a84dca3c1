/**
 * Converts a patch to the normalisation of the teacher. Teacher and student must see exactly the same patch, so nothing
 * is read again: if the teacher was trained with another normalisation, the patch is mapped by v -> factor v + offset,
 * with the numbers of its case. This is exact for methods that are themselves such maps of the raw intensity
 * (interpolation, padding and augmentation come in between and are shared), and impossible for methods that clip or
 * leave out zeros, unless both sides use the same.
 */

import { listSome } from '../core/format.ts';
import type { ChannelIntensities } from '../data/intensities.ts';
import type { ChannelNormalization, ImageNormalization } from '../data/normalize.ts';
import type { NnunetNormalization } from '../inference/nnunet/pipeline.ts';
import type { Crop } from '../volume/nonzero.ts';

/** How intensities were normalised: the method, and the part of a volume over which it counts. */
export interface NormalizedView {
  readonly normalize: ImageNormalization;
  readonly crop?: Crop | undefined;
}

/** The map v -> factor v + offset. */
interface AffineMap {
  readonly factor: number;
  readonly offset: number;
}

/** A scale: normalised = (raw - zero) / unit. */
interface Scale {
  readonly zero: number;
  readonly unit: number;
}

/** The scale of a method on a channel; undefined if it is not such a map. */
function scaleOf(
  method: ChannelNormalization,
  { minimum, maximum, mean, deviation }: ChannelIntensities,
): Scale | undefined {
  const constant = maximum === minimum;
  if (method === 'none') return { zero: 0, unit: 1 };
  // a constant channel is set to 0
  if (method === 'min-max') return { zero: minimum, unit: constant ? 1 : maximum - minimum };
  if (method === 'z-score') return { zero: constant ? minimum : mean, unit: constant ? 1 : deviation };
  return undefined;
}

/** The intensities over which a view counts. */
function countedIn(raw: ChannelIntensities, crop: Crop | undefined): ChannelIntensities {
  return crop === 'nonzero' ? (raw.inBox ?? raw) : raw;
}

/** Whether a method gives the same whatever is cut away around the voxels that are not 0. */
function ignoresCrop(method: ChannelNormalization): boolean {
  return typeof method === 'object' || method === 'none' || method === 'z-score-nonzero';
}

function methodOf(method: ImageNormalization, channel: number): ChannelNormalization {
  return Array.isArray(method)
    ? (method as readonly ChannelNormalization[])[channel]!
    : (method as ChannelNormalization);
}

/** Whether one normalisation of `channels` channels can be mapped to another, and if so whether it is the same. */
export function normalizationRelation(
  from: NormalizedView,
  to: NormalizedView,
  channels: number,
): 'same' | 'affine' | 'unrelated' {
  const pairs = Array.from(
    { length: channels },
    (_, channel) => [methodOf(from.normalize, channel), methodOf(to.normalize, channel)] as const,
  );
  const countAlike = (from.crop ?? 'none') === (to.crop ?? 'none');
  const isSame = ([left, right]: (typeof pairs)[number]): boolean =>
    JSON.stringify(left) === JSON.stringify(right) && (countAlike || ignoresCrop(left));
  if (pairs.every(isSame)) return 'same';
  const plain: readonly ChannelNormalization[] = ['none', 'min-max', 'z-score'];
  return pairs.every(pair => isSame(pair) || pair.every(method => plain.includes(method))) ? 'affine' : 'unrelated';
}

/** The map from one scale to another; the identity if one of them is undefined. */
function between(source: Scale | undefined, target: Scale | undefined): AffineMap {
  if (source === undefined || target === undefined) return { factor: 1, offset: 0 };
  return { factor: source.unit / target.unit, offset: (source.zero - target.zero) / target.unit };
}

/** Maps each channel of each sample by a factor and an offset; new data. */
function mapped(
  image: Float32Array,
  cases: readonly (readonly ChannelIntensities[])[],
  mapOf: (raw: ChannelIntensities, channel: number) => AffineMap,
): Float32Array {
  const channels = cases[0]?.length ?? 0;
  const length = image.length / (cases.length * channels);
  const result = new Float32Array(image.length);
  cases.forEach((ofCase, sample) => {
    ofCase.forEach((raw, channel) => {
      const { factor, offset } = mapOf(raw, channel);
      const start = (sample * channels + channel) * length;
      for (let i = start; i < start + length; i++) result[i] = factor * image[i]! + offset;
    });
  });
  return result;
}

/**
 * A batch of patches in a teacher's normalisation.
 * @param image [N, C, D, H, W]
 * @param cases raw intensities per sample and channel
 * @returns new data, or `image` itself if both are the same
 */
export function inNormalization(
  image: Float32Array,
  cases: readonly (readonly ChannelIntensities[])[],
  { from, to }: { readonly from: NormalizedView; readonly to: NormalizedView },
): Float32Array {
  if (normalizationRelation(from, to, cases[0]?.length ?? 0) === 'same') return image;
  return mapped(image, cases, (raw, channel) =>
    between(
      scaleOf(methodOf(from.normalize, channel), countedIn(raw, from.crop)),
      scaleOf(methodOf(to.normalize, channel), countedIn(raw, to.crop)),
    ),
  );
}

/**
 * Reason why nnU-Net's z-score of the body alone cannot be had. The recipe's z-score of what is not zero is the same
 * where no voxel of the body is 0; nothing else is, since all others also change the voxels around the body.
 */
function bodyObstacle(
  own: ChannelNormalization,
  channel: number,
  cases: ReadonlyMap<string, readonly ChannelIntensities[]>,
): string | undefined {
  const says = 'it normalises the voxels inside of the body alone (use_mask_for_norm)';
  if (own !== 'z-score-nonzero') {
    return `${says}, the recipe normalises by ${JSON.stringify(own)}; set preprocess.normalize to z-score-nonzero`;
  }
  const holed = [...cases].filter(([, channels]) => channels[channel]?.hasHoles === true).map(([id]) => id);
  if (holed.length === 0) return undefined;
  return `${says}, and channel ${channel} is 0 inside of it in ${listSome(holed)}, where z-score-nonzero is something else; leave these cases out of the training, or take a teacher without use_mask_for_norm`;
}

/**
 * Reason why a channel of a recipe cannot be mapped to nnU-Net's normalisation; undefined if it can.
 * @param options.cases raw intensities of the cases that are trained on
 */
export function nnunetObstacle(
  from: ImageNormalization,
  to: NnunetNormalization,
  { channel, cases }: { readonly channel: number; readonly cases: ReadonlyMap<string, readonly ChannelIntensities[]> },
): string | undefined {
  const own = methodOf(from, channel);
  if (to === 'z-score-inside') return bodyObstacle(own, channel, cases);
  if (typeof to === 'object' && JSON.stringify(own) === JSON.stringify(to)) return undefined;
  const isMapped = scaleOf(own, { minimum: 0, maximum: 1, mean: 0, deviation: 1 }) !== undefined;
  if (isMapped && typeof to !== 'object') return undefined;
  return `it needs intensities normalised by ${JSON.stringify(to)}, the recipe normalises by ${JSON.stringify(own)}; set preprocess.normalize to ${JSON.stringify(to)}`;
}

/**
 * A batch of patches as nnU-Net's network sees them. Its z-score and min-max count over the box around what is not
 * zero, the recipe's over the whole case unless it crops, so that even methods of the same name are mapped to each
 * other, by the numbers of both.
 * @param image [N, C, D, H, W]
 * @param cases raw intensities per sample and channel, with those in the box
 */
export function inNnunetNormalization(
  image: Float32Array,
  cases: readonly (readonly ChannelIntensities[])[],
  { from, to }: { readonly from: NormalizedView; readonly to: readonly NnunetNormalization[] },
): Float32Array {
  return mapped(image, cases, (raw, channel) => {
    const wanted = to[channel];
    const target = wanted === 'z-score-inside' ? undefined : scaleOf(wanted ?? 'none', countedIn(raw, 'nonzero'));
    return between(scaleOf(methodOf(from.normalize, channel), countedIn(raw, from.crop)), target);
  });
}
