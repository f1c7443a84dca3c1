/**
 * A volume as nnU-Net's network sees it: cut to what is not zero, normalised, then resampled. Source: nnunetv2 2.8.1,
 * preprocessing/preprocessors/default_preprocessor.py and cropping/cropping.py.
 */

import { mapAxes } from '../../core/axes.ts';
import { InputError } from '../../core/errors.ts';
import { type NormalizationWarning, normalize } from '../../data/normalize.ts';
import { type Box, boxAround, cropped, nonzeroMask } from '../../volume/nonzero.ts';
import { axisApart, resampleApart, roundHalfEven } from '../../volume/resample-apart.ts';
import { type Volume, voxelCount, type Xyz } from '../../volume/volume.ts';
import type { NnunetPipeline } from './pipeline.ts';

/** A volume on the network's grid. */
export interface PreparedVolume {
  /** [C, z, y, x] */
  readonly image: Float32Array;
  readonly sizeVoxels: Xyz;
  /** Spacing of that grid as the plan has it, by which axes are taken apart. */
  readonly spacingMm: Xyz;
  /** What of the volume it shows. */
  readonly box: Box;
  readonly warnings: readonly NormalizationWarning[];
}

/** Only the voxels inside of the body count, and only they change. */
function normalizeInside(id: string, data: Float32Array, mask: Uint8Array): ReturnType<typeof normalize> {
  const inside = data.filter((_, voxel) => mask[voxel] === 1);
  const normalized = normalize({ id, data: inside, channels: 1 }, 'z-score');
  // around the body there are zeros, or what counts as such
  const result = data.map(value => (Number.isFinite(value) ? value : 0));
  for (let voxel = 0, next = 0; voxel < result.length; voxel++) {
    if (mask[voxel] === 1) result[voxel] = normalized.data[next++]!;
  }
  return { data: result, warnings: normalized.warnings };
}

/**
 * Prepares a volume.
 * @param id names it in warnings
 * @throws {InputError} E_CHANNELS if it has other channels than the pipeline is for
 */
export function prepareNnunet(volume: Volume, pipeline: NnunetPipeline, id: string): PreparedVolume {
  const { channels, sizeVoxels: size, spacingMm: from } = volume;
  if (channels !== pipeline.normalize.length) {
    throw new InputError(
      'E_CHANNELS',
      `the model takes ${pipeline.normalize.length} channel(s), ${id} has ${channels}. Give the same images, in the same order, as in training.`,
    );
  }
  const whole = nonzeroMask(volume);
  const box = boxAround(whole, size);
  const data = cropped(volume.data, size, box);
  const mask = cropped(whole, size, box);
  const voxels = voxelCount(box.size);
  const normalized = new Float32Array(data.length);
  const warnings: NormalizationWarning[] = [];
  pipeline.normalize.forEach((method, channel) => {
    const values = data.subarray(channel * voxels, (channel + 1) * voxels);
    const name = channels === 1 ? id : `${id}, channel ${channel}`;
    const result =
      method === 'z-score-inside'
        ? normalizeInside(name, values, mask)
        : normalize({ id: name, data: values, channels: 1 }, method);
    normalized.set(result.data, channel * voxels);
    warnings.push(...result.warnings);
  });
  const to: Xyz = mapAxes(axis => pipeline.spacingMm[axis] ?? from[axis]);
  const sizeVoxels: Xyz = mapAxes(axis => Math.max(1, roundHalfEven((from[axis] / to[axis]) * box.size[axis])));
  const { order, orderAcross, separate } = pipeline.image;
  const apart = axisApart(from, to, separate);
  const image = resampleApart(normalized, box.size, sizeVoxels, { order, orderAcross, apart });
  return { image, sizeVoxels, spacingMm: to, box, warnings };
}
