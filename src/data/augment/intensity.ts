/**
 * Varies the intensities of a patch, one channel at a time and in place, in nnU-Net's order: noise, blur, brightness
 * and contrast, low resolution, gamma of the inverted channel, gamma. x fastest.
 */
import { mapAxes } from '../../core/axes.ts';
import { extentOf } from '../../core/extent.ts';
import type { Random } from '../../core/random.ts';
import { resampleToSize } from '../../volume/resample.ts';
import { type Volume, voxelCount, type Xyz } from '../../volume/volume.ts';
import type { ChannelVariation } from './channels.ts';

/** One channel of a patch. */
export interface PatchChannel {
  readonly data: Float32Array;
  readonly size: Xyz;
}

/** Number of standard deviations beyond which a Gaussian is cut off. */
const BLUR_REACH = 3;
/** Deviation below which a channel counts as constant when its moments are restored. */
const SMALLEST_DEVIATION = 1e-7;

/** Adds normal noise; both numbers of each Box-Muller pair are used. */
function addNoise(data: Float32Array, deviation: number, source: Random): void {
  for (let i = 0; i < data.length; i += 2) {
    const radius = deviation * Math.sqrt(-2 * Math.log(1 - source.uniform()));
    const angle = 2 * Math.PI * source.uniform();
    data[i]! += radius * Math.cos(angle);
    if (i + 1 < data.length) data[i + 1]! += radius * Math.sin(angle);
  }
}

/** Weights exp(-k^2 / (2 sigma^2)) for k = -r .. r, of sum 1. */
function gaussian(sigma: number): Float64Array {
  const radius = Math.max(1, Math.ceil(BLUR_REACH * sigma));
  const weights = Float64Array.from({ length: 2 * radius + 1 }, (_, k) => Math.exp(-0.5 * ((k - radius) / sigma) ** 2));
  const sum = weights.reduce((a, b) => a + b, 0);
  return weights.map(weight => weight / sum);
}

/** Convolves along each axis in turn; beyond the border the border voxel is repeated. */
function blur({ data, size }: PatchChannel, sigmas: Xyz): void {
  const strides = [1, size[0], size[0] * size[1]];
  for (let axis = 0; axis < 3; axis++) {
    const [length, stride, sigma] = [size[axis]!, strides[axis]!, sigmas[axis]!];
    if (length === 1 || sigma === 0) continue;
    const weights = gaussian(sigma);
    const radius = (weights.length - 1) / 2;
    const line = new Float64Array(length + 2 * radius);
    for (let index = 0; index < data.length / length; index++) {
      const start = Math.floor(index / stride) * stride * length + (index % stride);
      for (let i = -radius; i < length + radius; i++) {
        line[i + radius] = data[start + Math.min(length - 1, Math.max(0, i)) * stride]!;
      }
      for (let i = 0; i < length; i++) {
        let sum = 0;
        for (let k = 0; k < weights.length; k++) sum += weights[k]! * line[i + k]!;
        data[start + i * stride] = sum;
      }
    }
  }
}

function scaleBy(data: Float32Array, factor: number): void {
  for (let i = 0; i < data.length; i++) data[i]! *= factor;
}

function meanOf(data: Float32Array): number {
  let sum = 0;
  for (let i = 0; i < data.length; i++) sum += data[i]!;
  return sum / data.length;
}

function changeContrast(
  data: Float32Array,
  { contrast, brightness, contrastInRange }: Pick<ChannelVariation, 'contrast' | 'brightness' | 'contrastInRange'>,
): void {
  const mean = meanOf(data);
  const { min, max } = contrastInRange ? extentOf(data) : { min: -Infinity, max: Infinity };
  for (let i = 0; i < data.length; i++) {
    const stretched = (data[i]! - mean) * contrast + mean;
    data[i] = Math.min(max, Math.max(min, stretched)) + brightness;
  }
}

/** Each voxel of the coarser grid takes the nearest one. */
function takeNearest({ data, size }: PatchChannel, coarse: Xyz): Float32Array {
  const [columns, rows, slices] = mapAxes(axis =>
    Int32Array.from({ length: coarse[axis] }, (_, k) => Math.floor(((k + 0.5) * size[axis]) / coarse[axis])),
  );
  const taken = new Float32Array(voxelCount(coarse));
  let to = 0;
  for (const z of slices) {
    for (const y of rows) {
      const row = (z * size[1] + y) * size[0];
      for (const x of columns) taken[to++] = data[row + x]!;
    }
  }
  return taken;
}

/** Resamples to a fraction of the voxels along each axis, and back linearly. */
function lowerResolution(channel: PatchChannel, { lowResolution, lowResolutionBy }: ChannelVariation): void {
  const { data, size } = channel;
  const coarse = mapAxes(axis => Math.max(1, Math.round(size[axis] * lowResolution[axis])));
  const fine: Volume = { data, sizeVoxels: size, channels: 1, spacingMm: [1, 1, 1], affine: [] };
  const small =
    lowResolutionBy === 'linear'
      ? resampleToSize(fine, coarse, 'linear')
      : { ...fine, data: takeNearest(channel, coarse), sizeVoxels: coarse };
  data.set(resampleToSize(small, size, 'linear').data);
}

/** Mean and standard deviation, in a pass each. */
function momentsOf(data: Float32Array): { readonly mean: number; readonly deviation: number } {
  const mean = meanOf(data);
  let squares = 0;
  for (let i = 0; i < data.length; i++) squares += (data[i]! - mean) ** 2;
  return { mean, deviation: Math.sqrt(squares / data.length) };
}

/** v -> min + (max - min) * ((v - min) / (max - min)) ** gamma */
function changeGamma(data: Float32Array, gamma: number, keepsMoments: boolean): void {
  const { min, max } = extentOf(data);
  const range = max - min;
  if (!(range > 0)) return;
  const before = keepsMoments ? momentsOf(data) : undefined;
  for (let i = 0; i < data.length; i++) data[i] = min + range * ((data[i]! - min) / range) ** gamma;
  if (before === undefined) return;
  const after = momentsOf(data);
  const factor = before.deviation / Math.max(after.deviation, SMALLEST_DEVIATION);
  for (let i = 0; i < data.length; i++) data[i] = (data[i]! - after.mean) * factor + before.mean;
}

/**
 * Applies the drawn intensity variations to one channel of a patch, in place.
 * @param source random source of the noise
 */
export function changeIntensities(channel: PatchChannel, drawn: ChannelVariation, source: Random): void {
  const { data } = channel;
  if (drawn.noise > 0) addNoise(data, drawn.noise, source);
  if (drawn.blurVoxels.some(sigma => sigma > 0)) blur(channel, drawn.blurVoxels);
  if (drawn.brightnessFactor !== 1) scaleBy(data, drawn.brightnessFactor);
  if (drawn.contrast !== 1 || drawn.brightness !== 0) changeContrast(data, drawn);
  if (drawn.lowResolution.some(share => share < 1)) lowerResolution(channel, drawn);
  if (drawn.invertedGamma !== 1) {
    scaleBy(data, -1);
    changeGamma(data, drawn.invertedGamma, drawn.gammaKeepsMoments);
    scaleBy(data, -1);
  }
  if (drawn.gamma !== 1) changeGamma(data, drawn.gamma, drawn.gammaKeepsMoments);
}
