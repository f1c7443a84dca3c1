/**
 * NIfTI files as volumes and label volumes, and back. Voxels are kept in file order (x fastest), scaled to real values
 * in float32. Declared sizes are checked before memory is allocated. Paths are only used in messages.
 * Source: nifti1.h; checked against nibabel 5.
 */
import { joinBytes } from '../core/bytes.ts';
import { InputError, ShapeError } from '../core/errors.ts';
import type { VolumeWarning } from './geometry.ts';
import { gzip, isGzip } from './inflate.ts';
import { labelsOfVolume } from './label-volume.ts';
import { NIFTI_TYPES } from './nifti-fields.ts';
import { LARGEST_HEADER_BYTES, type NiftiHeader, readNiftiHeader } from './nifti-header.ts';
import { rewriteNiftiHeader } from './nifti-header-writing.ts';
import { float32Bytes, resultBytes } from './stored-voxels.ts';
import { formatSize, LARGEST_VOLUME_BYTES, type LabelVolume, type Volume, voxelCount, type Xyz } from './volume.ts';
import { readVoxels, startOfContent } from './voxel-file.ts';

export type { NiftiHeader } from './nifti-header.ts';
export { createNiftiHeader } from './nifti-header-writing.ts';

export interface DecodeOptions {
  /** Name of the file for messages. */
  readonly path: string;
  /** Largest size of the decoded float32 voxels; 4 GiB if not given. */
  readonly maxBytes?: number;
}

function fileBytes(header: NiftiHeader): number {
  return header.voxelOffset + voxelCount(header.sizeVoxels) * header.channels * NIFTI_TYPES[header.dataType].bytes;
}

function checkedHeader(header: NiftiHeader, { path, maxBytes = LARGEST_VOLUME_BYTES }: DecodeOptions): NiftiHeader {
  const decodedBytes = voxelCount(header.sizeVoxels) * header.channels * Float32Array.BYTES_PER_ELEMENT;
  if (decodedBytes > maxBytes || header.voxelOffset > LARGEST_VOLUME_BYTES) {
    throw new InputError(
      'E_NIFTI_TOO_LARGE',
      `${path} declares ${formatSize(header.sizeVoxels)} voxels in ${header.channels} channel(s) from byte ${header.voxelOffset}; ` +
        `at most ${maxBytes} bytes of float32 voxels can be read. Crop or resample it, or check whether the file is damaged.`,
    );
  }
  return header;
}

function truncatedNifti(header: NiftiHeader, path: string, got: string): InputError {
  return new InputError(
    'E_NIFTI_CORRUPT',
    `${path} is truncated: ${formatSize(header.sizeVoxels)} voxels of ${header.dataType} in ${header.channels} channel(s) ` +
      `need ${fileBytes(header)} bytes, the file holds ${got}. Copy it again from its source.`,
  );
}

/** What is wrong with a file, its own words kept where it is an error for people already. */
function explained(path: string, error: unknown): InputError {
  if (error instanceof InputError) return error;
  const reason = error instanceof Error ? error.message : String(error);
  return new InputError('E_NIFTI_CORRUPT', `${path} cannot be unpacked: ${reason}. Copy it again from its source.`, {
    cause: error,
  });
}

/** A file's voxels and its header. */
export interface DecodedNifti {
  readonly volume: Volume;
  /** Header, for writing results on the same grid. */
  readonly header: NiftiHeader;
  /** Warnings about repaired or assumed values of the header. */
  readonly warnings: readonly VolumeWarning[];
}

/**
 * Reads a .nii or .nii.gz file (recognised by content), NIfTI-1 or -2, either byte order, any integer or float type.
 * Needs the float32 voxels and little else beyond the file itself.
 * @returns voxels after slope and intercept, a fourth dimension as channels; and the header, for writing results on the
 * same grid
 * @throws {InputError} E_NIFTI_CORRUPT, E_NIFTI_TYPE, E_NIFTI_SPACING, E_NIFTI_TOO_LARGE; all name the path
 */
export function decodeNifti(bytes: Uint8Array, options: DecodeOptions): DecodedNifti {
  try {
    return decodeVoxels(checkedHeader(decodeNiftiHeader(bytes, options.path), options), bytes, options.path);
  } catch (error) {
    throw explained(options.path, error);
  }
}

/** A pair of files: the header, and the voxels, which may both be compressed. */
export interface NiftiPair {
  readonly header: Uint8Array;
  readonly voxels: Uint8Array;
}

/**
 * Reads a .hdr and its .img file as {@link decodeNifti} reads one file.
 * @param options.path of the header
 * @param options.voxelPath of the other file
 * @throws {InputError} as decodeNifti; E_NIFTI_TYPE for a header of Analyze 7.5
 */
export function decodeNiftiPair(
  { header: bytes, voxels }: NiftiPair,
  { voxelPath, ...options }: DecodeOptions & { readonly voxelPath: string },
): DecodedNifti {
  try {
    const header = checkedHeader(decodeNiftiHeader(bytes, options.path, { isPair: true }), options);
    return decodeVoxels(header, voxels, voxelPath);
  } catch (error) {
    throw explained(options.path, error);
  }
}

/**
 * The header of a file, of which the first kilobytes are enough.
 * @throws {InputError} E_NIFTI_CORRUPT, E_NIFTI_TYPE, E_NIFTI_SPACING
 */
export function decodeNiftiHeader(bytes: Uint8Array, path: string, kind = { isPair: false }): NiftiHeader {
  try {
    return readNiftiHeader(startOfContent(bytes, compressionOf(bytes), LARGEST_HEADER_BYTES), path, kind);
  } catch (error) {
    throw explained(path, error);
  }
}

function compressionOf(bytes: Uint8Array): 'gzip' | 'none' {
  return isGzip(bytes) ? 'gzip' : 'none';
}

function decodeVoxels(header: NiftiHeader, bytes: Uint8Array, path: string): DecodedNifti {
  const { sizeVoxels, channels, spacingMm, affine } = header;
  const layout = { ...header, count: voxelCount(sizeVoxels) * channels };
  const truncated = (got: string): InputError => truncatedNifti(header, path, got);
  const data = readVoxels(bytes, layout, { compression: compressionOf(bytes), truncated });
  const volume = {
    data,
    sizeVoxels,
    channels,
    spacingMm,
    affine,
    ...(!header.isPlaced && { isPlaced: false as const }),
  };
  return { volume, header, warnings: header.warnings };
}

/**
 * Reads a segmentation: one channel of integers from 0 to 65,535, stored in any type.
 * @throws {InputError} as {@link decodeNifti} and {@link labelsOfVolume}
 */
export function decodeLabels(bytes: Uint8Array, options: DecodeOptions): LabelVolume {
  return labelsOfVolume(decodeNifti(bytes, options).volume, options.path);
}

function checkGrid(sizeVoxels: Xyz, like: NiftiHeader): void {
  if (!sizeVoxels.every((size, axis) => size === like.sizeVoxels[axis])) {
    throw new ShapeError(
      `a volume of ${formatSize(sizeVoxels)} voxels cannot be written with a header of ${formatSize(like.sizeVoxels)}; ` +
        'resample it to that grid first',
    );
  }
}

/**
 * Writes a segmentation as uint8 .nii.gz, uint16 where a label is above 255, with the header of its input: orientation,
 * spacing and units are the same bytes.
 * @throws {ShapeError} if the grids differ
 */
export function encodeNiftiLabels(labels: LabelVolume, like: NiftiHeader): Uint8Array {
  checkGrid(labels.sizeVoxels, like);
  const { sizeVoxels, data } = labels;
  const dataType = data instanceof Uint16Array ? 'uint16' : 'uint8';
  return gzip([rewriteNiftiHeader(like, { dataType, sizeVoxels, channels: 1 }), resultBytes(data, like.littleEndian)]);
}

/** The file of an image piece by piece: header, then voxels in the header's byte order. */
function* imagePieces({ sizeVoxels, channels, data }: Volume, like: NiftiHeader): Generator<Uint8Array> {
  yield rewriteNiftiHeader(like, { dataType: 'float32', sizeVoxels, channels });
  yield* float32Bytes(data, like.littleEndian);
}

/**
 * Writes an image or probabilities as float32 .nii.gz with the header of its input; channels become the fourth
 * dimension.
 * @param options.compress false gives a plain .nii
 * @throws {ShapeError} if the grids differ
 */
export function encodeNiftiImage(
  volume: Volume,
  like: NiftiHeader,
  { compress = true }: { readonly compress?: boolean } = {},
): Uint8Array {
  checkGrid(volume.sizeVoxels, like);
  const pieces = imagePieces(volume, like);
  return compress ? gzip(pieces) : joinBytes([...pieces]);
}
