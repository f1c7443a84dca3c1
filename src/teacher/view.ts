/**
 * A patch as a teacher wants to see it. Teacher and student must see the very same patch, so nothing is read anew: where the teacher was
 * trained on intensities normalised otherwise, the patch is mapped by v -> factor v + offset, with the numbers of its case. That is exact
 * for methods that are themselves such maps of the raw intensity (interpolation, padding and augmentation lie in between and are shared),
 * and impossible for those that clip or leave zeros out, unless both sides use the same.
 */

import type { ChannelIntensities } from '../data/intensities.ts';
import type { ChannelNormalization, Normalization } from '../data/normalize.ts';

/** v -> factor v + offset */
interface AffineMap {
  readonly factor: number;
  readonly offset: number;
}

/** normalised = (raw - zero) / unit */
function scaleOf(
  method: ChannelNormalization,
  { minimum, maximum, mean, deviation }: ChannelIntensities,
): { readonly zero: number; readonly unit: number } | undefined {
  const constant = maximum === minimum;
  if (method === 'none') return { zero: 0, unit: 1 };
  // a constant channel is set to 0
  if (method === 'min-max') return { zero: minimum, unit: constant ? 1 : maximum - minimum };
  if (method === 'z-score') return { zero: constant ? minimum : mean, unit: constant ? 1 : deviation };
  return undefined;
}

function methodOf(method: Normalization, channel: number): ChannelNormalization {
  return Array.isArray(method)
    ? (method as readonly ChannelNormalization[])[channel]!
    : (method as ChannelNormalization);
}

/** Whether one normalisation of `channels` channels can be mapped to another, and if so whether it is the same. */
export function normalizationRelation(
  from: Normalization,
  to: Normalization,
  channels: number,
): 'same' | 'affine' | 'unrelated' {
  const pairs = Array.from(
    { length: channels },
    (_, channel) => [methodOf(from, channel), methodOf(to, channel)] as const,
  );
  if (pairs.every(([left, right]) => JSON.stringify(left) === JSON.stringify(right))) return 'same';
  const plain: readonly ChannelNormalization[] = ['none', 'min-max', 'z-score'];
  return pairs.every(
    ([left, right]) =>
      JSON.stringify(left) === JSON.stringify(right) || (plain.includes(left) && plain.includes(right)),
  )
    ? 'affine'
    : 'unrelated';
}

/** The map of one channel of a case from one normalisation to another; the identity where they are the same or not related. */
function affineBetween(from: ChannelNormalization, to: ChannelNormalization, raw: ChannelIntensities): AffineMap {
  const [source, target] = [scaleOf(from, raw), scaleOf(to, raw)];
  if (source === undefined || target === undefined) return { factor: 1, offset: 0 };
  return { factor: source.unit / target.unit, offset: (source.zero - target.zero) / target.unit };
}

/**
 * A batch of patches in a teacher's normalisation.
 * @param image [N, C, D, H, W]
 * @param cases raw intensities per sample and channel
 * @returns new data, or `image` itself where both are the same
 */
export function inNormalization(
  image: Float32Array,
  cases: readonly (readonly ChannelIntensities[])[],
  { from, to }: { readonly from: Normalization; readonly to: Normalization },
): Float32Array {
  const channels = cases[0]?.length ?? 0;
  if (normalizationRelation(from, to, channels) === 'same') return image;
  const length = image.length / (cases.length * channels);
  const result = new Float32Array(image.length);
  cases.forEach((ofCase, sample) => {
    ofCase.forEach((raw, channel) => {
      const { factor, offset } = affineBetween(methodOf(from, channel), methodOf(to, channel), raw);
      const start = (sample * channels + channel) * length;
      for (let i = start; i < start + length; i++) result[i] = factor * image[i]! + offset;
    });
  });
  return result;
}
