/**
 * Intensities of a volume, brought to a common range, each channel by itself. Only finite voxels count. Most methods
 * compute their numbers anew for each volume; `ct` takes those of the data set that a model was trained on, which is
 * why they are part of the method. A constant channel, an outlier and a NaN are the three ways in which plain min-max
 * breaks; each is dealt with and reported. Layout: channels one after the other. Source of z-score-nonzero and ct:
 * nnU-Net, arXiv:1904.08128, section on image normalisation.
 */

import { InputError } from '../core/errors.ts';
import { extentOf } from '../core/extent.ts';
import { percentile } from '../core/percentile.ts';

/**
 * Methods that need nothing but the volume itself. min-max: (v - min) / (max - min). percentile: the same after
 * clipping to the 0.5th and 99.5th percentile. z-score: (v - mean) / std, population standard deviation.
 * z-score-nonzero: the same over the voxels that are not 0; those that are stay 0. none: as it is.
 */
export const VOLUME_NORMALIZATIONS = ['min-max', 'percentile', 'z-score', 'z-score-nonzero', 'none'] as const;
export type VolumeNormalization = (typeof VOLUME_NORMALIZATIONS)[number];

/** Numbers of the foreground voxels of a data set, in the unit of the images. */
export interface IntensityStatistics {
  /** 0.5th percentile. */
  readonly low: number;
  /** 99.5th percentile. */
  readonly high: number;
  readonly mean: number;
  /** Standard deviation, above 0. */
  readonly deviation: number;
}

/** Normalisation of one channel. ct: (clip(v, low, high) - mean) / deviation with the numbers of a data set. */
export type ChannelNormalization = VolumeNormalization | { readonly ct: IntensityStatistics };

/** One method for all channels, or one per channel. */
export type ImageNormalization = ChannelNormalization | readonly ChannelNormalization[];

/** A warning about a volume, which does not stop the work. */
export interface NormalizationWarning {
  readonly code: 'W_IMAGE_CONSTANT' | 'W_IMAGE_NOT_FINITE';
  /** Message that names the case and the channel. */
  readonly message: string;
}

export interface NormalizedImage {
  readonly data: Float32Array;
  readonly warnings: readonly NormalizationWarning[];
}

/** The volume to normalise. */
export interface ImageToNormalize {
  /** Name of the case for messages. */
  readonly id: string;
  /** channels * voxels values. */
  readonly data: Float32Array;
  readonly channels: number;
}

/** Percentiles beyond which `percentile` and `ct` clip. */
export const CLIP_PERCENTILES = [0.5, 99.5] as const;

/** result = (clip(v, low, high) - offset) * factor, and the result for a voxel that is not finite. */
interface Transfer {
  readonly low: number;
  readonly high: number;
  readonly offset: number;
  readonly factor: number;
  readonly notFinite: number;
  /** Whether voxels that are 0 stay 0. */
  readonly keepsZero?: boolean;
}

/** The values that count: finite, and other than 0 where zeros are outside of the body. */
function countedValues(values: Float32Array, countsZero: boolean): Float32Array {
  const counts = (value: number): boolean => Number.isFinite(value) && (countsZero || value !== 0);
  let count = 0;
  for (let i = 0; i < values.length; i++) if (counts(values[i]!)) count++;
  if (count === values.length) return values;
  const counted = new Float32Array(count);
  let next = 0;
  for (let i = 0; i < values.length; i++) if (counts(values[i]!)) counted[next++] = values[i]!;
  return counted;
}

/** Mean and population standard deviation, in two passes. */
export function moments(values: Float32Array): { readonly mean: number; readonly deviation: number } {
  let sum = 0;
  for (let i = 0; i < values.length; i++) sum += values[i]!;
  const mean = sum / values.length;
  let squares = 0;
  for (let i = 0; i < values.length; i++) squares += (values[i]! - mean) ** 2;
  return { mean, deviation: Math.sqrt(squares / values.length) };
}

function rangeTransfer(low: number, high: number): Transfer {
  return { low, high, offset: low, factor: 1 / (high - low), notFinite: low };
}

function volumeTransfer(counted: Float32Array, method: VolumeNormalization): Transfer {
  const { min, max } = extentOf(counted);
  switch (method) {
    case 'min-max':
      return rangeTransfer(min, max);
    case 'percentile': {
      const scratch = counted.slice();
      const [low, high] = CLIP_PERCENTILES.map(percent => percentile(scratch, percent)) as [number, number];
      // Nearly all voxels alike (a mask, a mostly empty volume): clipping would leave nothing.
      return high > low ? rangeTransfer(low, high) : rangeTransfer(min, max);
    }
    case 'z-score':
    case 'z-score-nonzero': {
      const { mean, deviation } = moments(counted);
      const factor = 1 / deviation;
      if (method === 'z-score') return { low: min, high: max, offset: mean, factor, notFinite: min };
      return { low: min, high: max, offset: mean, factor, notFinite: mean, keepsZero: true };
    }
    case 'none':
      return { low: min, high: max, offset: 0, factor: 1, notFinite: min };
    default:
      return method satisfies never;
  }
}

function ctTransfer({ low, high, mean, deviation }: IntensityStatistics): Transfer {
  return { low, high, offset: mean, factor: 1 / deviation, notFinite: low };
}

/** Whether a channel of equal voxels keeps its value: there is nothing to divide by 0. */
function keepsConstant(method: ChannelNormalization): boolean {
  return method === 'none' || typeof method === 'object';
}

function normalizeChannel(values: Float32Array, result: Float32Array, method: ChannelNormalization) {
  const counted = countedValues(values, method !== 'z-score-nonzero');
  const { min, max } = extentOf(counted);
  const constant = counted.length > 0 && min === max;
  if (counted.length > 0 && (!constant || keepsConstant(method))) {
    const transfer = typeof method === 'object' ? ctTransfer(method.ct) : volumeTransfer(counted, method);
    const { low, high, offset, factor, keepsZero = false } = transfer;
    for (let i = 0; i < values.length; i++) {
      const value = values[i]!;
      if (keepsZero && value === 0) continue;
      const clipped = Number.isFinite(value) ? Math.min(high, Math.max(low, value)) : transfer.notFinite;
      result[i] = (clipped - offset) * factor;
    }
  }
  let notFinite = 0;
  for (let i = 0; i < values.length; i++) if (!Number.isFinite(values[i]!)) notFinite++;
  return { notFinite, constant };
}

/** The method of each channel. */
function normalizationPerChannel(method: ImageNormalization, channels: number): readonly ChannelNormalization[] {
  if (!isList(method)) return Array.from({ length: channels }, () => method);
  if (method.length === channels) return method;
  throw new InputError(
    'E_CHANNELS',
    `there are ${method.length} normalisations for ${channels} channel(s). Give one for all channels, or one per channel.`,
  );
}

function isList(method: ImageNormalization): method is readonly ChannelNormalization[] {
  return Array.isArray(method);
}

/**
 * Normalises a volume, each channel separately. Voxels that are not finite become the smallest value (0 with
 * z-score-nonzero) and are reported (W_IMAGE_NOT_FINITE); a constant channel becomes 0 and is reported
 * (W_IMAGE_CONSTANT), except with `none` and `ct`, which have nothing to divide by.
 * @returns new data, same layout; the input is not changed
 * @throws {InputError} E_CHANNELS if a list of methods does not have one for each channel
 */
export function normalize({ id, data, channels }: ImageToNormalize, method: ImageNormalization): NormalizedImage {
  const result = new Float32Array(data.length);
  const warnings: NormalizationWarning[] = [];
  const voxels = data.length / channels;
  normalizationPerChannel(method, channels).forEach((ofChannel, channel) => {
    const [start, end] = [channel * voxels, (channel + 1) * voxels];
    const { notFinite, constant } = normalizeChannel(data.subarray(start, end), result.subarray(start, end), ofChannel);
    const where = channels === 1 ? `case "${id}"` : `case "${id}", channel ${channel}`;
    if (notFinite > 0) {
      const outcome = ofChannel === 'z-score-nonzero' ? 'are set to 0' : 'are set to the smallest value';
      warnings.push({
        code: 'W_IMAGE_NOT_FINITE',
        message: `${where}: ${notFinite} of ${voxels} voxels are NaN or infinite and ${outcome}.`,
      });
    }
    if (constant) {
      const outcome = keepsConstant(ofChannel) ? 'they are not scaled' : 'they are set to 0';
      warnings.push({ code: 'W_IMAGE_CONSTANT', message: `${where}: all voxels have the same value; ${outcome}.` });
    }
  });
  return { data: result, warnings };
}
