/**
 * Probabilities as nnU-Net makes them: logits on the network's grid go back to the grid of the crop, become
 * probabilities there, and are pasted into the volume, around which there is background. Source: nnunetv2 2.8.1,
 * inference/export_prediction.py.
 */
import type { Triple } from '../../core/shape.ts';
import { axisApart } from '../../volume/resample-apart.ts';
import { resampleSlices } from '../../volume/resample-slices.ts';
import type { Xyz } from '../../volume/volume.ts';
import type { OutputActivation } from '../probabilities.ts';
import { activate } from '../probabilities.ts';
import type { NnunetPipeline } from './pipeline.ts';
import type { PreparedVolume } from './prepare.ts';
import { countNnunetWindows, type LogitOptions, logitSlices } from './windows.ts';

/** A volume that is ready, and the model that is asked about it. */
export interface NnunetJob extends Omit<LogitOptions, 'image' | 'size'> {
  readonly prepared: PreparedVolume;
  readonly pipeline: NnunetPipeline;
  /** Size of the volume. */
  readonly sizeVoxels: Xyz;
  readonly spacingMm: Xyz;
  readonly activation: OutputActivation;
  /** Whether the first channel is the background. */
  readonly hasBackground: boolean;
}

function logitOptions({ prepared, ...options }: NnunetJob): LogitOptions {
  const [width, height, depth] = prepared.sizeVoxels;
  const size: Triple = [depth, height, width];
  return { ...options, image: prepared.image, size };
}

/** Windows that a job takes. */
export function countJobWindows(job: NnunetJob): number {
  return countNnunetWindows(logitOptions(job));
}

/** Background everywhere, [K, y, x]. */
function emptySlice(job: NnunetJob): Float32Array {
  const [width, height] = job.sizeVoxels;
  const slice = new Float32Array(job.classes * width * height);
  return job.hasBackground ? slice.fill(1, 0, width * height) : slice;
}

/** A slice of the crop in its place, [K, y, x] of the volume. */
function pasted(slice: Float32Array, job: NnunetJob): Float32Array {
  const [width, height] = job.sizeVoxels;
  const { start, size } = job.prepared.box;
  if (size[0] === width && size[1] === height) return slice;
  const result = emptySlice(job);
  for (let k = 0; k < job.classes; k++) {
    for (let y = 0; y < size[1]; y++) {
      const from = (k * size[1] + y) * size[0];
      result.set(slice.subarray(from, from + size[0]), (k * height + y + start[1]) * width + start[0]);
    }
  }
  return result;
}

/**
 * Probabilities of every class at every voxel of the volume, slice after slice along z.
 * @returns [K, y, x]; each is valid until the next is asked for
 * @throws as logitSlices
 */
export async function* nnunetSlices(job: NnunetJob): AsyncGenerator<Float32Array, void> {
  const { prepared, pipeline, spacingMm, classes, activation, sizeVoxels } = job;
  const { start, size } = prepared.box;
  const { orderAcross, separate } = pipeline.logits;
  const apart = axisApart(prepared.spacingMm, spacingMm, separate);
  const slices = resampleSlices(logitSlices(logitOptions(job)), {
    channels: classes,
    from: prepared.sizeVoxels,
    to: size,
    ...(apart !== undefined && orderAcross === 0 && { nearest: apart }),
  });
  const outside = emptySlice(job);
  for (let z = 0; z < start[2]; z++) yield outside;
  for await (const slice of slices) {
    // the one who resamples may still need its slice, or give it again
    const own = slice.slice();
    activate(own, classes, activation);
    yield pasted(own, job);
  }
  for (let z = start[2] + size[2]; z < sizeVoxels[2]; z++) yield outside;
}
