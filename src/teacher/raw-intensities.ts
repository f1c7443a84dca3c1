/**
 * The raw intensities that a patch comes from, by which it is mapped to the normalisation of a teacher: those of its
 * case. A patch that is painted has no case with intensities: it is normalised by itself, so that its own numbers take
 * their place, and every normalisation that is a map v -> factor v + offset is what it would be of the painted patch.
 */
import { extentOf } from '../core/extent.ts';
import type { ChannelIntensities } from '../data/intensities.ts';
import type { Batch } from '../data/loader.ts';
import { moments } from '../data/normalize.ts';
import type { PreparedData } from '../experiment/prepare.ts';

type Data = Pick<PreparedData, 'train' | 'unlabelled' | 'intensities'>;

/** Numbers of every channel of one image. @param image [C, D, H, W] */
export function measuredIntensities(image: Float32Array, channels: number): readonly ChannelIntensities[] {
  const length = image.length / channels;
  return Array.from({ length: channels }, (_, channel) => {
    const values = image.subarray(channel * length, (channel + 1) * length);
    const { min: minimum, max: maximum } = extentOf(values);
    return { minimum, maximum, ...moments(values) };
  });
}

/** Raw intensities of each sample of a batch. */
export function rawIntensities(
  { train, unlabelled, intensities }: Data,
  { image, caseIds }: Pick<Batch, 'image' | 'caseIds'>,
): readonly (readonly ChannelIntensities[])[] {
  const painted = new Set(
    [...train, ...unlabelled].filter(({ synthesis }) => synthesis !== undefined).map(({ id }) => id),
  );
  const length = image.length / caseIds.length;
  return caseIds.map((id, sample) =>
    painted.has(id)
      ? measuredIntensities(image.subarray(sample * length, (sample + 1) * length), 1)
      : (intensities.get(id) ?? []),
  );
}
