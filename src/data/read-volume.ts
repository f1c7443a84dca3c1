/** What reading a volume gives, whatever its format: the voxels, and a header for writing results on their grid. */
import { geometryWarnings, type VolumeWarning } from '../volume/geometry.ts';
import { createNiftiHeader, type NiftiHeader } from '../volume/nifti.ts';
import type { Volume } from '../volume/volume.ts';
import type { DicomSource } from './dicom/source.ts';

/** A volume as its files have it. */
export interface ReadVolume {
  readonly volume: Volume;
  /** The file's own header for NIfTI, else a new one with the same size, spacing and affine (in float32). */
  readonly header: NiftiHeader;
  /** How a voxel was stored, for example `int16`. */
  readonly dataType: string;
  readonly warnings: readonly VolumeWarning[];
  /** The series that it is from, if that is DICOM. */
  readonly dicom?: DicomSource;
}

/** A decoded volume that brings no NIfTI header of its own. */
export interface DecodedVolume {
  readonly volume: Volume;
  readonly dataType: string;
  readonly warnings: readonly VolumeWarning[];
  readonly dicom?: DicomSource;
}

/** With a header of its own, and what its geometry should warn of. @param path for messages */
export function readVolumeOf({ volume, warnings, ...rest }: DecodedVolume, path: string): ReadVolume {
  const header = createNiftiHeader(volume);
  return { ...rest, volume, header, warnings: [...warnings, ...geometryWarnings(volume, path)] };
}
