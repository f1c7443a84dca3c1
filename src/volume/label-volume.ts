/** A segmentation from the voxels of any file: integers in one channel. */
import { InputError } from '../core/errors.ts';
import { createLabels, type LabelVolume, type Volume, type Xyz } from './volume.ts';

const LARGEST_LABEL = 65_535;
/** Largest distance of a stored label from an integer, from rounding of slope and intercept. */
const LABEL_TOLERANCE = 1e-4;

function voxelAt(index: number, [width, height]: Xyz): string {
  return `(${index % width}, ${Math.floor(index / width) % height}, ${Math.floor(index / (width * height))})`;
}

/**
 * Reads the voxels of a volume as class indices.
 * @param path for messages
 * @throws {InputError} E_LABEL_VALUE for a value that is not an integer from 0 to 65,535; E_LABEL_CHANNELS for more
 * than one channel
 */
export function labelsOfVolume(volume: Volume, path: string): LabelVolume {
  const { data: values, sizeVoxels, spacingMm, affine, channels } = volume;
  if (channels !== 1) {
    throw new InputError(
      'E_LABEL_CHANNELS',
      `${path} has ${channels} channels; a label file has one, with a class index per voxel. Merge the channels into one.`,
    );
  }
  let largest = 0;
  for (let i = 0; i < values.length; i++) {
    const value = values[i]!;
    const label = Math.round(value);
    if (!(Math.abs(value - label) <= LABEL_TOLERANCE && label >= 0 && label <= LARGEST_LABEL)) {
      throw new InputError(
        'E_LABEL_VALUE',
        `${path} has the label value ${value} at voxel ${voxelAt(i, sizeVoxels)}; labels are integers from 0 to ${LARGEST_LABEL}. ` +
          'Check that this is a label file, and that it was resampled with nearest neighbours.',
      );
    }
    if (label > largest) largest = label;
  }
  const data = createLabels(values.length, largest);
  for (let i = 0; i < values.length; i++) data[i] = Math.round(values[i]!);
  return { data, sizeVoxels, spacingMm, affine, ...(volume.isPlaced === false && { isPlaced: false as const }) };
}

/** Number of voxels that are labelled, without those that nobody has looked at. */
export function countLabelled({ data, ignore }: Pick<LabelVolume, 'data' | 'ignore'>): number {
  let count = 0;
  for (let i = 0; i < data.length; i++) if (data[i] !== 0 && data[i] !== ignore) count++;
  return count;
}
