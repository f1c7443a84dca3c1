/**
 * Converts voxels between their bytes in a file and float32, in pieces through a small buffer: byte order, alignment
 * and the boundaries of pieces do not matter, and the stored voxels are never in memory as a whole.
 */
import type { Volume } from './volume.ts';

/** Stored types with the typed array that reads them. */
export const VOXEL_TYPES = {
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
} as const;

/** Name of a voxel type. */
export type VoxelType = keyof typeof VOXEL_TYPES;

/** Encoding of a voxel. */
export interface VoxelStorage {
  readonly dataType: VoxelType;
  readonly littleEndian: boolean;
  /** Scaling: value = stored * slope + intercept. */
  readonly slope: number;
  readonly intercept: number;
}

/** Size of a stored voxel in bytes. */
export function voxelBytes(dataType: VoxelType): number {
  return VOXEL_TYPES[dataType].BYTES_PER_ELEMENT;
}

/** A multiple of the size of every voxel type. */
const BUFFER_BYTES = 65536;
/** Whether this machine keeps the lowest byte first. */
export const HOST_LITTLE_ENDIAN = new Uint8Array(Uint16Array.of(1).buffer)[0] === 1;

function swapBytes(bytes: Uint8Array, size: number): void {
  for (let start = 0; start < bytes.length; start += size) bytes.subarray(start, start + size).reverse();
}

/** Collects stored voxels as values. */
export interface VoxelReader {
  readonly data: Float32Array;
  /** Receives the next bytes of the file; bytes beyond the last voxel are ignored. */
  push(bytes: Uint8Array): void;
  /** Number of voxels received so far. */
  count(): number;
}

/**
 * Opens a reader for a number of voxels; this allocates 4 bytes for each and little else.
 * int64 values beyond 2^53 are rounded, as are all values to float32.
 */
export function createVoxelReader(
  { dataType, littleEndian, slope, intercept }: VoxelStorage,
  count: number,
): VoxelReader {
  const data = new Float32Array(count);
  const size = VOXEL_TYPES[dataType].BYTES_PER_ELEMENT;
  const buffer = new Uint8Array(Math.min(BUFFER_BYTES, count * size));
  const stored = new VOXEL_TYPES[dataType](buffer.buffer);
  let filled = 0;
  let written = 0;
  const flush = (): void => {
    const whole = Math.floor(filled / size);
    if (littleEndian !== HOST_LITTLE_ENDIAN && size > 1) swapBytes(buffer.subarray(0, whole * size), size);
    const values = Math.min(whole, count - written);
    for (let i = 0; i < values; i++) data[written + i] = Number(stored[i]!) * slope + intercept;
    written += values;
    buffer.copyWithin(0, whole * size, filled);
    filled -= whole * size;
  };
  const push = (bytes: Uint8Array): void => {
    for (let at = 0; at < bytes.length && written < count; ) {
      const taken = Math.min(buffer.length - filled, bytes.length - at);
      buffer.set(bytes.subarray(at, at + taken), filled);
      filled += taken;
      at += taken;
      flush();
    }
  };
  return { data, push, count: () => written };
}

/** The bytes of float32 values in a byte order, in pieces; each is valid until the next. */
export function* float32Bytes(values: Float32Array, littleEndian: boolean): Generator<Uint8Array> {
  const step = BUFFER_BYTES / Float32Array.BYTES_PER_ELEMENT;
  for (let start = 0; start < values.length; start += step) {
    const piece = values.slice(start, start + step);
    const bytes = new Uint8Array(piece.buffer);
    if (littleEndian !== HOST_LITTLE_ENDIAN) swapBytes(bytes, Float32Array.BYTES_PER_ELEMENT);
    yield bytes;
  }
}

/** Voxels of a result: labels, or the values of a map. */
export type ResultArray = Uint8Array | Uint16Array | Float32Array;

/** The bytes of labels or values in a byte order. */
export function resultBytes(values: ResultArray, littleEndian: boolean): Uint8Array {
  const bytes = new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
  if (values instanceof Uint8Array || littleEndian === HOST_LITTLE_ENDIAN) return bytes;
  const swapped = bytes.slice();
  swapBytes(swapped, values.BYTES_PER_ELEMENT);
  return swapped;
}

/** A result in one channel: a segmentation, or a map of one value per voxel. */
export interface ResultVolume extends Pick<Volume, 'sizeVoxels' | 'affine'> {
  readonly data: ResultArray;
}
