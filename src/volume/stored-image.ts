/**
 * Common parts of the formats with a text header (NRRD, MetaImage): a header with the encoding and position of the
 * voxels, and voxels that follow it or are in a file beside it.
 */
import { InputError } from '../core/errors.ts';
import { determinant } from './determinant.ts';
import type { VolumeWarning } from './geometry.ts';
import { isGzip } from './inflate.ts';
import { affineOfLps, type LpsGeometry } from './lps.ts';
import { HOST_LITTLE_ENDIAN, VOXEL_TYPES, type VoxelType, voxelBytes } from './stored-voxels.ts';
import { formatSize, type Volume, voxelCount, type Xyz } from './volume.ts';
import { assertReadable, corruptVolume, readVoxels, separateChannels } from './voxel-file.ts';

/** Encoding of the voxels. */
export type StoredEncoding = 'raw' | 'gzip' | 'zlib' | 'text' | 'hex';

/** An interpreted header. */
export interface StoredImage {
  readonly sizeVoxels: Xyz;
  readonly channels: number;
  /**
   * Numbers of one channel that lie side by side: 1 where the channels of a voxel do, all where channels follow each
   * other.
   */
  readonly inner: number;
  readonly dataType: VoxelType;
  readonly littleEndian: boolean;
  readonly encoding: StoredEncoding;
  readonly geometry: LpsGeometry;
  /** Location of the voxels: in this file from an offset on, or in a file beside it. */
  readonly voxels: { readonly start: number } | { readonly file: string };
  /** Lines, then bytes that come before the voxels; -1 bytes: the voxels are the last of the file. */
  readonly skipLines: number;
  readonly skipBytes: number;
  /** Number of bytes of the packed voxels, if the header has it. */
  readonly packedBytes?: number;
  readonly warnings: readonly VolumeWarning[];
}

/** A volume, and how its voxels were stored. */
export interface StoredVolume {
  readonly volume: Volume;
  readonly dataType: VoxelType;
  readonly warnings: readonly VolumeWarning[];
}

const NEWLINE = 10;
/** Smallest accepted determinant of the direction cosines; it is 1 for right angles. */
const SMALLEST_DETERMINANT = 1e-6;
const LARGEST_TEXT_NUMBER = 32;

/** Throws for a spacing that is none. @throws {InputError} E_VOLUME_SPACING */
export function assertSpacing(spacing: Xyz, path: string): void {
  if (spacing.every(mm => Number.isFinite(mm) && mm > 0)) return;
  throw new InputError(
    'E_VOLUME_SPACING',
    `${path} has the voxel spacing ${spacing.join(' x ')}; each must be a positive number. Correct its header.`,
  );
}

/** Axes that lie in one plane are none. @throws {InputError} E_VOLUME_CORRUPT */
function assertAxes(direction: readonly number[], path: string): void {
  if (Math.abs(determinant(direction)) > SMALLEST_DETERMINANT) return;
  throw corruptVolume(path, `its axes (${direction.join(', ')}) span no volume`);
}

/**
 * The name of the file with the voxels: one beside the header or in a folder below.
 * @throws {InputError} E_VOLUME_PARTS for voxels in several files or elsewhere
 */
export function voxelFileName(name: string, isPattern: boolean, path: string): string {
  const parts = name.split('/').filter(part => part !== '.' && part !== '');
  const leaves = /^([/~]|[A-Za-z]:)|[\\\0]/.test(name) || parts.includes('..') || parts.length === 0;
  if (!leaves && !isPattern) return parts.join('/');
  throw new InputError(
    'E_VOLUME_PARTS',
    `${path} keeps its voxels in "${name}". Only one file in the folder of the header is read; convert the volume to a single file.`,
  );
}

/** Numbers in text, or bytes in hexadecimal, as bytes of the voxel's type. */
function bytesOfText({ dataType, encoding }: StoredImage, bytes: Uint8Array, count: number): Uint8Array {
  if (encoding === 'hex') {
    const digits = new TextDecoder('latin1').decode(bytes).replace(/\s+/g, '');
    if (/[^0-9a-f]/i.test(digits)) throw new Error('its voxels are not hexadecimal');
    return Uint8Array.from({ length: digits.length >> 1 }, (_, index) =>
      Number.parseInt(digits.slice(2 * index, 2 * index + 2), 16),
    );
  }
  const words = new TextDecoder('latin1')
    .decode(bytes.subarray(0, count * LARGEST_TEXT_NUMBER))
    .split(/[\s,]+/)
    .filter(word => word !== '');
  if (words.length < count) return new Uint8Array(0);
  const values = VOXEL_TYPES[dataType];
  const isWhole = values === BigInt64Array || values === BigUint64Array;
  const stored = new values(count);
  for (let i = 0; i < count; i++) {
    const number = Number(words[i]);
    if (Number.isNaN(number) && !/nan/i.test(words[i]!)) throw new Error(`its voxels hold "${words[i]?.slice(0, 20)}"`);
    stored[i] = isWhole ? BigInt(Math.trunc(number)) : number;
  }
  return new Uint8Array(stored.buffer);
}

/** Bytes after some lines. */
function afterLines(bytes: Uint8Array, lines: number): Uint8Array {
  let start = 0;
  for (let line = 0; line < lines; line++) {
    const end = bytes.indexOf(NEWLINE, start);
    if (end < 0) throw new Error('it ends before its voxels begin');
    start = end + 1;
  }
  return bytes.subarray(start);
}

/** The numbers of a file in their order. @throws {Error} where they are damaged */
function storedNumbers(image: StoredImage, stored: Uint8Array, truncated: (got: string) => Error): Float32Array {
  const { sizeVoxels, channels, dataType, littleEndian, encoding, skipBytes, packedBytes } = image;
  const layout = { dataType, littleEndian, slope: 1, intercept: 0, count: voxelCount(sizeVoxels) * channels };
  const after = afterLines('start' in image.voxels ? stored.subarray(image.voxels.start) : stored, image.skipLines);
  if (encoding === 'gzip' || encoding === 'zlib') {
    if (packedBytes !== undefined && packedBytes > after.length) throw truncated(String(after.length));
    const packed = after.subarray(0, packedBytes);
    // files labelled as one may be the other
    const compression = isGzip(packed) ? 'gzip' : 'zlib';
    return readVoxels(packed, { ...layout, voxelOffset: Math.max(0, skipBytes) }, { compression, truncated });
  }
  if (encoding === 'raw') {
    const voxelOffset = skipBytes < 0 ? after.length - layout.count * voxelBytes(dataType) : skipBytes;
    if (voxelOffset < 0) throw truncated(String(after.length));
    return readVoxels(after, { ...layout, voxelOffset }, { compression: 'none', truncated });
  }
  if (layout.count > after.length) throw truncated(`${after.length} characters`);
  const bytes = bytesOfText(image, after.subarray(Math.max(0, skipBytes)), layout.count);
  const order = encoding === 'text' ? HOST_LITTLE_ENDIAN : littleEndian;
  return readVoxels(bytes, { ...layout, littleEndian: order, voxelOffset: 0 }, { compression: 'none', truncated });
}

/**
 * Reads the voxels that a header declares, exactly that number.
 * @param stored the file with the voxels
 * @throws {InputError} E_VOLUME_CORRUPT, E_VOLUME_TOO_LARGE, E_VOLUME_SPACING; all name the path
 */
export function readStoredImage(image: StoredImage, stored: Uint8Array, path: string): StoredVolume {
  const { sizeVoxels, channels, geometry, dataType, warnings } = image;
  assertSpacing(geometry.spacing, path);
  assertAxes(geometry.direction, path);
  assertReadable({ sizeVoxels, channels, path });
  const needed = voxelCount(sizeVoxels) * channels * voxelBytes(dataType);
  const announced = `${formatSize(sizeVoxels)} voxels of ${dataType} in ${channels} channel(s) need ${needed} bytes`;
  const truncated = (got: string): Error => corruptVolume(path, `${announced}, it holds ${got}`);
  try {
    const data = separateChannels(storedNumbers(image, stored, truncated), channels, image.inner);
    const volume = { data, sizeVoxels, channels, spacingMm: geometry.spacing, affine: affineOfLps(geometry) };
    return { volume, dataType, warnings };
  } catch (error) {
    if (error instanceof InputError) throw error;
    throw corruptVolume(path, error instanceof Error ? error.message : String(error), error);
  }
}
