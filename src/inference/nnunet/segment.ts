/**
 * Probabilities as nnU-Net makes them: logits on the network's grid go back to the grid of the crop, become
 * probabilities there, and are pasted into the volume, around which there is background. Source: nnunetv2 2.8.1,
 * inference/export_prediction.py.
 */
import type { Triple } from '../../core/shape.ts';
import { axisApart } from '../../volume/resample-apart.ts';
import { resampleSlices } from '../../volume/resample-slices.ts';
import type { Xyz } from '../../volume/volume.ts';
import { pasteSlices } from '../pasted.ts';
import { activate, type OutputActivation } from '../probabilities.ts';
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
  /** Channel of the background, if channels exclude each other. */
  readonly background: number | undefined;
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

/** Probabilities of the crop, slice after slice; each is the reader's own. */
async function* activated(slices: AsyncIterable<Float32Array>, job: NnunetJob): AsyncGenerator<Float32Array, void> {
  for await (const slice of slices) {
    // the one who resamples may still need its slice, or give it again
    const own = slice.slice();
    activate(own, job.classes, job.activation);
    yield own;
  }
}

/**
 * Probabilities of every class at every voxel of the volume, slice after slice along z.
 * @returns [K, y, x]; each is valid until the next is asked for
 * @throws as logitSlices
 */
export function nnunetSlices(job: NnunetJob): AsyncGenerator<Float32Array, void> {
  const { prepared, pipeline, spacingMm, classes, sizeVoxels, background } = job;
  const { box } = prepared;
  const { orderAcross, separate } = pipeline.logits;
  const apart = axisApart(prepared.spacingMm, spacingMm, separate);
  const slices = resampleSlices(logitSlices(logitOptions(job)), {
    channels: classes,
    from: prepared.sizeVoxels,
    to: box.size,
    ...(apart !== undefined && orderAcross === 0 && { nearest: apart }),
  });
  return pasteSlices(activated(slices, job), { box, sizeVoxels, classes, background });
}
