/**
 * Varies the intensities of a patch, one channel at a time and in place, in nnU-Net's order: noise, blur, brightness
 * and contrast, low resolution, gamma. x fastest.
 */
import { extentOf } from '../../core/extent.ts';
import type { Random } from '../../core/random.ts';
import { resampleToSize } from '../../volume/resample.ts';
import type { Volume, Xyz } from '../../volume/volume.ts';
import type { Augmentation } from './augmentation.ts';

/** One channel of a patch. */
export interface PatchChannel {
  readonly data: Float32Array;
  readonly size: Xyz;
}

/** Number of standard deviations beyond which a Gaussian is cut off. */
const BLUR_REACH = 3;

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
function blur({ data, size }: PatchChannel, sigma: number): void {
  const weights = gaussian(sigma);
  const radius = (weights.length - 1) / 2;
  const strides = [1, size[0], size[0] * size[1]];
  const line = new Float64Array(Math.max(...size) + 2 * radius);
  for (let axis = 0; axis < 3; axis++) {
    const [length, stride] = [size[axis]!, strides[axis]!];
    if (length === 1) continue;
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

function changeContrast(data: Float32Array, factor: number, shift: number): void {
  let sum = 0;
  for (let i = 0; i < data.length; i++) sum += data[i]!;
  const mean = sum / data.length;
  for (let i = 0; i < data.length; i++) data[i] = (data[i]! - mean) * factor + mean + shift;
}

/** Resamples to a fraction of the voxels along each axis and back, both linearly. */
function lowerResolution({ data, size }: PatchChannel, share: number): void {
  const coarse = size.map(length => Math.max(1, Math.round(length * share))) as [number, number, number];
  const fine: Volume = { data, sizeVoxels: size, channels: 1, spacingMm: [1, 1, 1], affine: [] };
  data.set(resampleToSize(resampleToSize(fine, coarse, 'linear'), size, 'linear').data);
}

/** v -> min + (max - min) * ((v - min) / (max - min)) ** gamma */
function changeGamma(data: Float32Array, gamma: number): void {
  const { min, max } = extentOf(data);
  const range = max - min;
  if (!(range > 0)) return;
  for (let i = 0; i < data.length; i++) data[i] = min + range * ((data[i]! - min) / range) ** gamma;
}

/**
 * Applies the drawn intensity variations to one channel of a patch, in place.
 * @param source random source of the noise
 */
export function changeIntensities(channel: PatchChannel, drawn: Augmentation, source: Random): void {
  const { data } = channel;
  if (drawn.noise > 0) addNoise(data, drawn.noise, source);
  if (drawn.blurVoxels > 0) blur(channel, drawn.blurVoxels);
  if (drawn.contrast !== 1 || drawn.brightness !== 0) changeContrast(data, drawn.contrast, drawn.brightness);
  if (drawn.lowResolution < 1) lowerResolution(channel, drawn.lowResolution);
  if (drawn.gamma !== 1) changeGamma(data, drawn.gamma);
}
