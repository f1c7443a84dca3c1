/**
 * NIfTI files as volumes and label volumes, and back. Voxels are kept in file order (x fastest), scaled to real values in float32.
 * What a file claims is checked before memory is spent on it. Does not know paths except to name them in messages.
 * Source: nifti1.h; checked against nibabel 5.
 */
import { joinBytes } from '../core/bytes.ts';
import { InputError, ShapeError } from '../core/errors.ts';
import { gunzip, gzip, isGzip, LARGEST_GZIP_RATIO } from './gzip.ts';
import { labelsOfVolume } from './label-volume.ts';
import {
  LARGEST_HEADER_BYTES,
  NIFTI_TYPES,
  type NiftiHeader,
  readNiftiHeader,
  rewriteNiftiHeader,
} from './nifti-header.ts';
import { createVoxelReader, float32Bytes, type VoxelReader } from './stored-voxels.ts';
import { formatSize, LARGEST_VOLUME_BYTES, type LabelVolume, type Volume, voxelCount, type Xyz } from './volume.ts';

export { createNiftiHeader, type NiftiHeader } from './nifti-header.ts';

export interface DecodeOptions {
  /** For messages. */
  readonly path: string;
  /** Largest size of the decoded float32 voxels; 4 GiB if not given. */
  readonly maxBytes?: number;
}

/** Content that may follow the announced voxels of a gzip file; more is refused. */
const SLACK_BYTES = 65536;

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
        `at most ${maxBytes} bytes of float32 voxels can be read. Crop or resample it, or check whether the file is damaged.`,
    );
  }
  return header;
}

function truncated(header: NiftiHeader, path: string, got: string): InputError {
  return new InputError(
    'E_NIFTI_CORRUPT',
    `${path} is truncated: ${formatSize(header.sizeVoxels)} voxels of ${header.dataType} in ${header.channels} channel(s) ` +
      `need ${fileBytes(header)} bytes, the file holds ${got}. Copy it again from its source.`,
  );
}

/** What a file becomes while its content comes in pieces. */
interface Reading {
  push(piece: Uint8Array): void;
  finish(): { readonly header: NiftiHeader; readonly data: Float32Array };
}

/**
 * Takes the content of a file in order. Voxels are allocated once the header has come, if that many bytes can still come.
 * @param largestContent bytes that the file can hold at most
 * @param largestSurplus bytes that may follow the voxels
 */
function startReading(options: DecodeOptions, largestContent: number, largestSurplus: number): Reading {
  const { path } = options;
  const head = new Uint8Array(LARGEST_HEADER_BYTES);
  let total = 0;
  let opened: { readonly header: NiftiHeader; readonly voxels: VoxelReader } | undefined;
  const open = (): NonNullable<typeof opened> => {
    const start = head.subarray(0, Math.min(total, head.length));
    const header = readCheckedHeader(start, options);
    if (fileBytes(header) > largestContent) throw truncated(header, path, `at most ${largestContent}`);
    const voxels = createVoxelReader(header, voxelCount(header.sizeVoxels) * header.channels);
    voxels.push(start.subarray(header.voxelOffset));
    return { header, voxels };
  };
  const push = (piece: Uint8Array): void => {
    const start = total;
    total += piece.length;
    if (start < head.length) head.set(piece.subarray(0, head.length - start), start);
    if (total < head.length) return;
    opened ??= open();
    const { header, voxels } = opened;
    if (total > fileBytes(header) + largestSurplus) throw new Error('it holds far more data than its header declares');
    voxels.push(piece.subarray(Math.max(0, Math.max(head.length, header.voxelOffset) - start)));
  };
  const finish = (): ReturnType<Reading['finish']> => {
    const { header, voxels } = opened ?? open();
    if (voxels.count() < voxels.data.length) throw truncated(header, path, String(total));
    return { header, data: voxels.data };
  };
  return { push, finish };
}

function unpack(bytes: Uint8Array, options: DecodeOptions): Reading {
  const reading = startReading(options, bytes.length * LARGEST_GZIP_RATIO, SLACK_BYTES);
  try {
    gunzip(bytes, reading.push);
  } catch (error) {
    if (error instanceof InputError) throw error;
    throw new InputError(
      'E_NIFTI_CORRUPT',
      `${options.path} cannot be unpacked: ${error instanceof Error ? error.message : String(error)}. Copy it again from its source.`,
      { cause: error },
    );
  }
  return reading;
}

function readPlain(bytes: Uint8Array, options: DecodeOptions): Reading {
  const reading = startReading(options, bytes.length, Number.POSITIVE_INFINITY);
  reading.push(bytes);
  return reading;
}

/**
 * Reads a .nii or .nii.gz file (told apart by content), NIfTI-1 or -2, either byte order, any integer or float type. Needs the float32
 * voxels and little else beyond the file itself.
 * @returns voxels after slope and intercept, a fourth dimension as channels; and the header, for writing results on the same grid
 * @throws {InputError} E_NIFTI_CORRUPT, E_NIFTI_TYPE, E_NIFTI_SPACING, E_NIFTI_TOO_LARGE; all name the path
 */
export function decodeNifti(bytes: Uint8Array, options: DecodeOptions): { volume: Volume; header: NiftiHeader } {
  const { header, data } = (isGzip(bytes) ? unpack : readPlain)(bytes, options).finish();
  const { sizeVoxels, channels, spacingMm, affine } = header;
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

/**
 * Writes a segmentation as uint8 .nii.gz with the header of its input: orientation, spacing and units are the same bytes.
 * @throws {ShapeError} if the grids differ
 */
export function encodeNiftiLabels(labels: LabelVolume, like: NiftiHeader): Uint8Array {
  checkGrid(labels.sizeVoxels, like);
  const { sizeVoxels, data } = labels;
  return gzip([rewriteNiftiHeader(like, { dataType: 'uint8', sizeVoxels, channels: 1 }), data]);
}

/** The file of an image piece by piece: header, then voxels in the header's byte order. */
function* imagePieces({ sizeVoxels, channels, data }: Volume, like: NiftiHeader): Generator<Uint8Array> {
  yield rewriteNiftiHeader(like, { dataType: 'float32', sizeVoxels, channels });
  yield* float32Bytes(data, like.littleEndian);
}

/**
 * Writes an image or probabilities as float32 .nii.gz with the header of its input; channels become the fourth dimension.
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
