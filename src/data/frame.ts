/**
 * One frame of an image with several: a time point of a series, an echo, or a channel. Frames are counted from 1, as
 * DICOM counts them.
 */
import { InputError } from '../core/errors.ts';
import { voxelCount } from '../volume/volume.ts';
import type { ReadVolume } from './read-volume.ts';

/** Which of how many frames an image is. */
export interface FrameOf {
  /** From 1. */
  readonly frame: number;
  readonly frames: number;
}

/**
 * The frame of an image as an image of one channel; a DICOM result of it refers to the pictures of that frame.
 * @param frame from 1
 * @param path for messages
 * @throws {InputError} E_FRAME if it is not there
 */
export function frameOf(read: ReadVolume, frame: number, path: string): ReadVolume {
  const { volume, dicom } = read;
  const { channels: frames } = volume;
  if (!Number.isInteger(frame) || frame < 1 || frame > frames) {
    const there = frames === 1 ? 'one frame' : `the frames 1 to ${frames}`;
    throw new InputError(
      'E_FRAME',
      `${path} has ${there}, and frame ${frame} is not among them. Give one that is there.`,
    );
  }
  const voxels = voxelCount(volume.sizeVoxels);
  const data = volume.data.slice((frame - 1) * voxels, frame * voxels);
  const slices = dicom?.laterFrames?.[frame - 2];
  return {
    ...read,
    volume: { ...volume, data, channels: 1 },
    ...(dicom && slices && { dicom: { ...dicom, slices } }),
  };
}
