/**
 * What an image is like before anything is done to it: the range of each channel, whether it is constant, and whether
 * it looks like a label map. The same numbers are taken of training cases and of volumes to be segmented, so that the
 * two can be held against each other. Percentiles come from an even sample of the voxels, so that a large volume needs
 * no second copy.
 */
import { extentOf } from '../core/extent.ts';
import { percentile } from '../core/percentile.ts';
import { type Volume, voxelCount } from '../volume/volume.ts';
import { CLIP_PERCENTILES } from './normalize.ts';

/** Facts about the finite voxels of one channel, before normalisation. */
export interface ChannelFacts {
  readonly minimum: number;
  readonly maximum: number;
  /** 0.5th percentile. */
  readonly low: number;
  /** 99.5th percentile. */
  readonly high: number;
  /** Whether all voxels have the same value, or none is finite. */
  readonly isConstant: boolean;
  /** Whether it looks like a label map, see {@link channelFacts}. */
  readonly isLabelMap: boolean;
}

/** Voxels of a channel that are looked at; the 0.5th percentile is then right within 0.0002 of its rank. */
const SAMPLES = 2 ** 18;
/** So few values are labels whatever their places; an image of 8 bits has about a hundred. */
const FEW_VALUES = 16;
/** More values than any label map of one byte has. */
const MANY_VALUES = 256;
/** Largest label. */
const LARGEST_LABEL = 65_535;
/** Share of equal neighbours: structures of four voxels or more reach 2/3, images that are enlarged twofold do not. */
const EQUAL_NEIGHBOURS = 2 / 3;

function greatestCommonDivisor(left: number, right: number): number {
  return right === 0 ? left : greatestCommonDivisor(right, left % right);
}

/** A step that visits about {@link SAMPLES} voxels, in every column, row and slice alike. */
function strideOf(voxels: number, plane: number): number {
  let stride = Math.max(1, Math.ceil(voxels / SAMPLES));
  while (greatestCommonDivisor(stride, plane) !== 1) stride++;
  return stride;
}

/** The most frequent value of a count. */
function mostFrequent(counts: ReadonlyMap<number, number>): number {
  return [...counts].reduce((best, next) => (next[1] > best[1] ? next : best))[0];
}

/**
 * Whether a channel looks like a label map: whole values from 0 to 65,535, of which there are at most 16, or at most
 * 256 and two thirds of the neighbours along x (other than background beside background) are equal.
 */
function looksLikeLabels(values: Float32Array, { width, stride }: { readonly width: number; readonly stride: number }) {
  const counts = new Map<number, number>();
  for (let i = 0; i < values.length; i += stride) {
    const value = values[i]!;
    if (!Number.isInteger(value) || value < 0 || value > LARGEST_LABEL) return false;
    counts.set(value, (counts.get(value) ?? 0) + 1);
    if (counts.size > MANY_VALUES) return false;
  }
  if (counts.size <= FEW_VALUES) return true;
  const background = mostFrequent(counts);
  let [pairs, equal] = [0, 0];
  for (let i = 0; i < values.length; i += stride) {
    if (i % width === width - 1) continue;
    const [value, next] = [values[i]!, values[i + 1]!];
    if (value === background && next === background) continue;
    pairs++;
    if (value === next) equal++;
  }
  return equal > EQUAL_NEIGHBOURS * pairs;
}

function sampleFinite(values: Float32Array, stride: number): Float32Array {
  const sample = new Float32Array(Math.ceil(values.length / stride));
  let count = 0;
  for (let i = 0; i < values.length; i += stride) if (Number.isFinite(values[i]!)) sample[count++] = values[i]!;
  return sample.subarray(0, count);
}

/** Facts about each channel of a volume. Where no voxel of a channel is finite, its numbers are NaN. */
export function channelFacts({ data, channels, sizeVoxels }: Volume): readonly ChannelFacts[] {
  const voxels = voxelCount(sizeVoxels);
  const [width, height] = sizeVoxels;
  const stride = strideOf(voxels, width * height);
  return Array.from({ length: channels }, (_, channel): ChannelFacts => {
    const values = data.subarray(channel * voxels, (channel + 1) * voxels);
    const { min: minimum, max: maximum, finite } = extentOf(values);
    if (finite === 0) {
      const none = Number.NaN;
      return { minimum: none, maximum: none, low: none, high: none, isConstant: true, isLabelMap: false };
    }
    const sample = sampleFinite(values, stride);
    const [low, high] = CLIP_PERCENTILES.map(percent =>
      sample.length === 0 ? minimum : percentile(sample, percent),
    ) as [number, number];
    const isConstant = minimum === maximum;
    const isLabelMap = !isConstant && looksLikeLabels(values, { width, stride });
    return { minimum, maximum, low, high, isConstant, isLabelMap };
  });
}
