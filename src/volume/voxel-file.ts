/**
 * Reads the voxels of a file, packed or not, for all formats, which differ only in their headers. The declared size is
 * checked against the possible size before memory is allocated, and the number of voxels against the header afterwards.
 */
import { InputError } from '../core/errors.ts';
import { availableContentBytes, type Compression, gunzip, largestContentBytes, unzlib } from './inflate.ts';
import { createVoxelReader, type VoxelStorage, voxelBytes } from './stored-voxels.ts';
import { formatSize, LARGEST_VOLUME_BYTES, type Xyz } from './volume.ts';

/** Location and number of the voxels of a file. */
export interface VoxelLayout extends VoxelStorage {
  /** Offset of the voxels in the content. */
  readonly voxelOffset: number;
  /** Number of values of all channels together. */
  readonly count: number;
}

/** Largest content after the declared voxels of a packed file; more is refused. */
const SLACK_BYTES = 65536;

/** Stops unpacking when there is enough. */
class Enough extends Error {}

/** Goes over the content piece by piece. @throws {Error} if it is damaged, ends early or fails its checksum */
function unpack(
  stored: Uint8Array,
  compression: Exclude<Compression, 'picture'>,
  onPiece: (piece: Uint8Array) => void,
): void {
  if (compression === 'gzip') gunzip(stored, onPiece);
  else if (compression === 'zlib') unzlib(stored, onPiece);
  else onPiece(stored);
}

/**
 * The first bytes of the content, fewer where there are no more. @throws {Error} where it cannot be unpacked that far
 */
export function startOfContent(
  stored: Uint8Array,
  compression: Exclude<Compression, 'picture'>,
  length: number,
): Uint8Array {
  const start = new Uint8Array(length);
  let total = 0;
  try {
    unpack(stored, compression, piece => {
      start.set(piece.subarray(0, length - total), total);
      total = Math.min(length, total + piece.length);
      if (total === length) throw new Enough();
    });
  } catch (error) {
    if (!(error instanceof Enough)) throw error;
  }
  return start.subarray(0, total);
}

/** How the voxels of a file are packed, and what to say where they end early. */
export interface ReadVoxelsOptions {
  readonly compression: Exclude<Compression, 'picture'>;
  /** @param got what is there, for the message */
  readonly truncated: (got: string) => Error;
}

/**
 * Reads voxels as float32. Needs 4 bytes per voxel and little else beyond the file itself.
 * @throws {Error} where they are damaged, or as `truncated` makes it where there are fewer than the layout says
 */
export function readVoxels(stored: Uint8Array, layout: VoxelLayout, options: ReadVoxelsOptions): Float32Array {
  const { compression, truncated } = options;
  const needed = layout.voxelOffset + layout.count * voxelBytes(layout.dataType);
  const available =
    compression === 'none'
      ? largestContentBytes(stored.length, 'none')
      : availableContentBytes(stored.length, needed, onPiece => unpack(stored, compression, onPiece));
  if (needed > available) throw truncated(compression === 'none' ? String(available) : `at most ${available}`);
  const reader = createVoxelReader(layout, layout.count);
  const largest = compression === 'none' ? Number.POSITIVE_INFINITY : needed + SLACK_BYTES;
  let total = 0;
  unpack(stored, compression, piece => {
    const skipped = Math.max(0, layout.voxelOffset - total);
    total += piece.length;
    if (total > largest) throw new Error('it holds far more data than its header declares');
    reader.push(piece.subarray(skipped));
  });
  if (reader.count() < layout.count) throw truncated(String(total));
  return reader.data;
}

/** What of a header is held against the largest volume. */
interface DeclaredGrid {
  readonly sizeVoxels: Xyz;
  readonly channels: number;
  readonly path: string;
}

/** Refuses more voxels than are read, before anything is done about them. @throws {InputError} E_VOLUME_TOO_LARGE */
export function assertReadable({ sizeVoxels, channels, path }: DeclaredGrid): void {
  const bytes = sizeVoxels[0] * sizeVoxels[1] * sizeVoxels[2] * channels * Float32Array.BYTES_PER_ELEMENT;
  if (bytes <= LARGEST_VOLUME_BYTES) return;
  throw new InputError(
    'E_VOLUME_TOO_LARGE',
    `${path} declares ${formatSize(sizeVoxels)} voxels in ${channels} channel(s); at most ${LARGEST_VOLUME_BYTES} bytes of float32 ` +
      'voxels are read. Crop or resample it, or check whether the file is damaged.',
  );
}

/** A damaged file. */
export function corruptVolume(path: string, reason: string, cause?: unknown): InputError {
  return new InputError('E_VOLUME_CORRUPT', `${path} cannot be read: ${reason}. Copy it again from its source.`, {
    cause,
  });
}

/**
 * Channels one after the other, from wherever they lie among the axes of a file.
 * @param inner numbers that lie side by side in one channel: 1 where the channels of a voxel do
 */
export function separateChannels(stored: Float32Array, channels: number, inner: number): Float32Array {
  const voxels = stored.length / channels;
  if (channels === 1 || inner === voxels) return stored;
  const data = new Float32Array(stored.length);
  for (let channel = 0, to = 0; channel < channels; channel++) {
    for (let start = channel * inner; start < stored.length; start += inner * channels) {
      for (let i = 0; i < inner; i++) data[to++] = stored[start + i]!;
    }
  }
  return data;
}
