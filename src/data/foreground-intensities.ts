/**
 * Intensities of a data set where something is segmented: what CT values are clipped and scaled by, and a part of its
 * fingerprint. Of each case an even sample is kept, so that a large case does not count more than a small one.
 * Source: nnU-Net's dataset fingerprint, arXiv:1904.08128, "image intensity properties".
 */
import { percentile } from '../core/percentile.ts';
import type { LabelVolume, Volume } from '../volume/volume.ts';
import { CLIP_PERCENTILES, type IntensityStatistics, moments } from './normalize.ts';

/** More voxels of one case say no more about its data set. */
const SAMPLES_PER_CASE = 10_000;

/** Whether a voxel is of a class: neither background nor ignored. */
function isForeground(value: number, { ignore }: LabelVolume): boolean {
  return value !== 0 && value !== ignore;
}

/** The finite intensities of foreground voxels, one array per channel; of many voxels an even sample. */
export function sampleForeground(image: Volume, label: LabelVolume): Float32Array[] {
  const voxels = label.data.length;
  let foreground = 0;
  for (let i = 0; i < voxels; i++) if (isForeground(label.data[i]!, label)) foreground++;
  const every = Math.max(1, foreground / SAMPLES_PER_CASE);
  const indices: number[] = [];
  let seen = 0;
  for (let i = 0; i < voxels; i++) {
    if (!isForeground(label.data[i]!, label)) continue;
    if (seen >= indices.length * every) indices.push(i);
    seen++;
  }
  return Array.from({ length: image.channels }, (_, channel) =>
    Float32Array.from(indices, index => image.data[channel * voxels + index]!).filter(Number.isFinite),
  );
}

/** Statistics of one channel over the samples of many cases; undefined where there are no samples, or all are alike. */
export function foregroundStatistics(samples: readonly Float32Array[]): IntensityStatistics | undefined {
  const all = new Float32Array(samples.reduce((sum, { length }) => sum + length, 0));
  let offset = 0;
  for (const sample of samples) {
    all.set(sample, offset);
    offset += sample.length;
  }
  const { mean, deviation } = moments(all);
  if (!(deviation > 0)) return undefined;
  const [low, high] = CLIP_PERCENTILES.map(percent => percentile(all, percent)) as [number, number];
  return { low, high, mean, deviation };
}
