/**
 * NIfTI files as volumes and label volumes, and back. Voxels are kept in file order (x fastest), scaled to real values in float32.
 * What a file claims is checked before memory is spent on it. Does not know paths except to name them in messages.
 * Source: nifti1.h; checked against nibabel 5.
 */
import { gzipSync } from 'fflate';
import { InputError, ShapeError } from '../core/errors.ts';
import { gunzip, isGzip } from './gunzip.ts';
import { labelsOfVolume } from './label-volume.ts';
import {
  LARGEST_HEADER_BYTES,
  NIFTI_TYPES,
  type NiftiHeader,
  type NiftiType,
  readNiftiHeader,
  rewriteNiftiHeader,
} from './nifti-header.ts';
import { formatSize, LARGEST_VOLUME_BYTES, type LabelVolume, type Volume, voxelCount, type Xyz } from './volume.ts';

export { createNiftiHeader, type NiftiHeader } from './nifti-header.ts';

export interface DecodeOptions {
  /** For messages. */
  readonly path: string;
  /** Largest size of the decoded float32 voxels; 4 GiB if not given. */
  readonly maxBytes?: number;
}

const HOST_LITTLE_ENDIAN = new Uint8Array(Uint16Array.of(1).buffer)[0] === 1;

const VIEWS = {
  uint8: Uint8Array,
  int16: Int16Array,
  int32: Int32Array,
  float32: Float32Array,
  float64: Float64Array,
  int8: Int8Array,
  uint16: Uint16Array,
  uint32: Uint32Array,
  int64: BigInt64Array,
  uint64: BigUint64Array,
} as const satisfies Record<NiftiType, unknown>;

function swapBytes(bytes: Uint8Array, size: number): void {
  for (let start = 0; start < bytes.length; start += size) bytes.subarray(start, start + size).reverse();
}

function viewVoxels(content: Uint8Array, header: NiftiHeader, count: number): InstanceType<(typeof VIEWS)[NiftiType]> {
  const { bytes: size } = NIFTI_TYPES[header.dataType];
  let voxels = content.subarray(header.voxelOffset, header.voxelOffset + count * size);
  const swapped = header.littleEndian !== HOST_LITTLE_ENDIAN && size > 1;
  if (swapped || voxels.byteOffset % size !== 0) voxels = voxels.slice();
  if (swapped) swapBytes(voxels, size);
  return new VIEWS[header.dataType](voxels.buffer as ArrayBuffer, voxels.byteOffset, count);
}

function scaleVoxels(content: Uint8Array, header: NiftiHeader, count: number): Float32Array {
  const stored = viewVoxels(content, header, count);
  const { slope, intercept } = header;
  const data = new Float32Array(count);
  if (stored instanceof BigInt64Array || stored instanceof BigUint64Array) {
    for (let i = 0; i < count; i++) data[i] = Number(stored[i]!) * slope + intercept;
  } else if (slope === 1 && intercept === 0) {
    data.set(stored);
  } else {
    for (let i = 0; i < count; i++) data[i] = stored[i]! * slope + intercept;
  }
  return data;
}

function fileBytes(header: NiftiHeader): number {
  return header.voxelOffset + voxelCount(header.sizeVoxels) * header.channels * NIFTI_TYPES[header.dataType].bytes;
}

function readCheckedHeader(head: Uint8Array, { path, maxBytes = LARGEST_VOLUME_BYTES }: DecodeOptions): NiftiHeader {
  const header = readNiftiHeader(head, path);
  const decodedBytes = voxelCount(header.sizeVoxels) * header.channels * Float32Array.BYTES_PER_ELEMENT;
  if (decodedBytes > maxBytes || header.voxelOffset > LARGEST_VOLUME_BYTES) {
    throw new InputError(
      'E_NIFTI_TOO_LARGE',
      `${path} declares ${formatSize(header.sizeVoxels)} voxels in ${header.channels} channel(s) from byte ${header.voxelOffset}; ` +
        `at most ${maxBytes} bytes of float32 voxels are read. Crop or resample it, or check whether the file is damaged.`,
    );
  }
  return header;
}

function unpack(bytes: Uint8Array, options: DecodeOptions): Uint8Array {
  if (!isGzip(bytes)) return bytes;
  try {
    return gunzip(bytes, {
      headBytes: LARGEST_HEADER_BYTES,
      sizeOf: head => fileBytes(readCheckedHeader(head, options)),
    });
  } catch (error) {
    if (error instanceof InputError) throw error;
    throw new InputError(
      'E_NIFTI_CORRUPT',
      `${options.path} cannot be unpacked: ${error instanceof Error ? error.message : String(error)}. Copy it again from its source.`,
      { cause: error },
    );
  }
}

/**
 * Reads a .nii or .nii.gz file (told apart by content), NIfTI-1 or -2, either byte order, any integer or float type.
 * @returns voxels after slope and intercept, a fourth dimension as channels; and the header, for writing results on the same grid
 * @throws {InputError} E_NIFTI_CORRUPT, E_NIFTI_TYPE, E_NIFTI_SPACING, E_NIFTI_TOO_LARGE; all name the path
 */
export function decodeNifti(bytes: Uint8Array, options: DecodeOptions): { volume: Volume; header: NiftiHeader } {
  const content = unpack(bytes, options);
  const header = readCheckedHeader(content, options);
  const needed = fileBytes(header);
  if (content.length < needed) {
    throw new InputError(
      'E_NIFTI_CORRUPT',
      `${options.path} is truncated: ${formatSize(header.sizeVoxels)} voxels of ${header.dataType} in ${header.channels} channel(s) ` +
        `need ${needed} bytes, the file holds ${content.length}. Copy it again from its source.`,
    );
  }
  const { sizeVoxels, channels, spacingMm, affine } = header;
  const data = scaleVoxels(content, header, voxelCount(sizeVoxels) * channels);
  return { volume: { data, sizeVoxels, channels, spacingMm, affine }, header };
}

/**
 * Reads a segmentation: one channel of integers 0..255, stored in any type.
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

function pack(start: Uint8Array, voxels: Uint8Array): Uint8Array {
  const content = new Uint8Array(start.length + voxels.length);
  content.set(start);
  content.set(voxels, start.length);
  return gzipSync(content, { mtime: 0 });
}

/**
 * Writes a segmentation as uint8 .nii.gz with the header of its input: orientation, spacing and units are the same bytes.
 * @throws {ShapeError} if the grids differ
 */
export function encodeNiftiLabels(labels: LabelVolume, like: NiftiHeader): Uint8Array {
  checkGrid(labels.sizeVoxels, like);
  const { sizeVoxels, data } = labels;
  return pack(rewriteNiftiHeader(like, { dataType: 'uint8', sizeVoxels, channels: 1 }), data);
}

/**
 * Writes an image or probabilities as float32 .nii.gz with the header of its input; channels become the fourth dimension.
 * @throws {ShapeError} if the grids differ
 */
export function encodeNiftiImage(volume: Volume, like: NiftiHeader): Uint8Array {
  checkGrid(volume.sizeVoxels, like);
  const { sizeVoxels, channels, data } = volume;
  const voxels = new Uint8Array(data.buffer, data.byteOffset, data.byteLength).slice();
  if (like.littleEndian !== HOST_LITTLE_ENDIAN) swapBytes(voxels, Float32Array.BYTES_PER_ELEMENT);
  return pack(rewriteNiftiHeader(like, { dataType: 'float32', sizeVoxels, channels }), voxels);
}
