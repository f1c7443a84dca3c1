/** An image in ITK's terms as a {@link Volume}: what can be read of it, and where it lies. */
import { InputError } from '../core/errors.ts';
import type { LpsImage } from '../runtime/image-codec.ts';
import { geometryWarnings, type VolumeWarning } from '../volume/geometry.ts';
import { affineOfLps } from '../volume/lps.ts';
import { createNiftiHeader, type NiftiHeader } from '../volume/nifti.ts';
import type { Volume, Xyz } from '../volume/volume.ts';

/** A volume as its files have it. */
export interface ReadVolume {
  readonly volume: Volume;
  /** The file's own header for NIfTI, else a new one with the same size, spacing and affine (in float32). */
  readonly header: NiftiHeader;
  /** How a voxel was stored, for example `int16`. */
  readonly dataType: string;
  readonly warnings: readonly VolumeWarning[];
}

/** What a voxel may be: one number, or a list of them that become channels. */
const READ_PIXELS = ['Scalar', 'Vector', 'VariableLengthVector', 'CovariantVector'];

/** The first three axes; a missing one has one voxel of 1 mm across the others. */
function gridOf({ size, spacing, origin, direction }: LpsImage, path: string) {
  const rank = size.length;
  const along = (values: readonly number[], missing: number): Xyz => [
    values[0] ?? missing,
    values[1] ?? missing,
    values[2] ?? missing,
  ];
  const cosines = [0, 1, 2].flatMap(row =>
    [0, 1, 2].map(column => (row < rank && column < rank ? direction[row * rank + column]! : row === column ? 1 : 0)),
  );
  const spacingMm = along(spacing, 1);
  if (!spacingMm.every(mm => Number.isFinite(mm) && mm > 0)) {
    throw new InputError(
      'E_VOLUME_SPACING',
      `${path} has the voxel spacing ${spacingMm.join(' x ')}; each must be a positive number. Correct its header.`,
    );
  }
  const affine = affineOfLps({ spacing: spacingMm, origin: along(origin, 0), direction: cosines });
  return { sizeVoxels: along(size, 1), spacingMm, affine };
}

/** Channels of an image: the numbers of a voxel, or a fourth axis. */
function channelsOf(info: LpsImage, path: string): number {
  const { size, components, pixelType, componentType } = info;
  const beyond = size.slice(3).filter(length => length > 1);
  if (!READ_PIXELS.includes(pixelType) || beyond.length > 1 || (beyond.length === 1 && components > 1)) {
    throw new InputError(
      'E_VOLUME_TYPE',
      `${path} has ${size.join('x')} voxels of ${components} x ${componentType} (${pixelType}). Only real numbers are read, with at ` +
        'most one dimension of channels beyond x, y, z. Convert it to one scalar volume per channel.',
    );
  }
  return components * (beyond[0] ?? 1);
}

/**
 * The image as a volume: voxels in float32, channels one after the other, RAS.
 * @throws {InputError} E_VOLUME_TYPE, E_VOLUME_SPACING
 */
export function volumeOfLps(image: LpsImage, path: string): ReadVolume {
  const grid = gridOf(image, path);
  const channels = channelsOf(image, path);
  const { data: stored, components, componentType } = image;
  const data = new Float32Array(stored.length);
  const voxels = stored.length / components;
  for (let component = 0, to = 0; component < components; component++) {
    for (let voxel = 0; voxel < voxels; voxel++) data[to++] = Number(stored[voxel * components + component]!);
  }
  const volume: Volume = { ...grid, data, channels };
  return {
    volume,
    header: createNiftiHeader(volume),
    dataType: componentType,
    warnings: geometryWarnings(volume, path),
  };
}
