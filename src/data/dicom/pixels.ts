/**
 * The values of DICOM frames: stored bits found in bare, run-length packed or compressed pixel data, masked and given
 * their sign, then rescaled frame by frame, as pydicom gives them. Source: DICOM PS3.5, section 8 and annex A; PS3.3,
 * C.7.6.3 and C.11.1.
 */
import { InputError } from '../../core/errors.ts';
import type { DecodedFrame, FrameCodec, FrameCoding } from '../../runtime/frame-codec.ts';
import { largestContentBytes } from '../../volume/inflate.ts';
import { corruptDicom, type DicomFile } from './file.ts';
import { compressedFrames } from './fragments.ts';
import { pictureSize } from './picture-header.ts';
import { unpackRle } from './rle.ts';
import type { DicomSlice, PixelFormat } from './slice.ts';

/** Stored values of a frame, not yet masked. */
type Stored = ArrayLike<number>;

/** Frames of one file by their place in it. */
export interface FrameReader {
  /** Writes the real values of a frame, row by row. */
  read(slice: DicomSlice, into: Float32Array): Promise<void>;
}

const BASELINE = 0xc0;
const EXTENDED = 0xc1;

function swapped(bytes: Uint8Array, size: number): Uint8Array {
  const copy = new Uint8Array(bytes);
  for (let start = 0; start < copy.length; start += size) copy.subarray(start, start + size).reverse();
  return copy;
}

/** Little-endian bytes as numbers. */
function numbersIn(bytes: Uint8Array, { bitsAllocated, pixelTag }: PixelFormat): Stored {
  // a copy even where the bytes are Node's Buffer, whose slice is a view
  const aligned = new Uint8Array(bytes);
  if (pixelTag === 'x7fe00009') return new Float64Array(aligned.buffer);
  if (pixelTag === 'x7fe00008') return new Float32Array(aligned.buffer);
  if (bitsAllocated === 8) return aligned;
  if (bitsAllocated === 16) return new Uint16Array(aligned.buffer);
  return new Uint32Array(aligned.buffer);
}

/** Bits per pixel that an element of pixel data can have. */
function assertBits(path: string, { bitsAllocated, pixelTag }: PixelFormat): void {
  const bits = pixelTag === 'x7fe00009' ? [64] : pixelTag === 'x7fe00008' ? [32] : [8, 16, 32];
  if (bits.includes(bitsAllocated)) return;
  throw new InputError(
    'E_VOLUME_TYPE',
    `${path} stores ${bitsAllocated} bits per pixel; ${bits.join(', ')} are read. Convert it to NIfTI.`,
  );
}

function writeValues(stored: Stored, slice: DicomSlice, options: { into: Float32Array; precision?: number }): void {
  const { pixel, slope, intercept } = slice;
  const { into, precision = pixel.bitsStored } = options;
  if (pixel.pixelTag !== 'x7fe00010') {
    for (let i = 0; i < into.length; i++) into[i] = stored[i]! * slope + intercept;
    return;
  }
  // a codec leaves the bits in use at the low end
  const shift = options.precision === undefined ? pixel.highBit + 1 - pixel.bitsStored : 0;
  const bits = Math.min(pixel.bitsStored, precision);
  const mask = bits === 32 ? -1 : 2 ** bits - 1;
  const [limit, signBit] = [2 ** bits, 2 ** (bits - 1)];
  for (let i = 0; i < into.length; i++) {
    const inUse = ((stored[i]! >>> shift) & mask) >>> 0;
    into[i] = (pixel.signed && inUse >= signBit ? inUse - limit : inUse) * slope + intercept;
  }
}

/** Frames that lie bare in the file. */
function nativeFrames(file: DicomFile, slice: DicomSlice): FrameReader {
  const { path, tags, syntax } = file;
  const { pixel, frames } = slice;
  const element = tags.elements[pixel.pixelTag]!;
  const bytesPerPixel = pixel.bitsAllocated / 8;
  const frameBytes = pixel.rows * pixel.columns * bytesPerPixel;
  const needed = frameBytes * frames;
  const there = Math.min(element.length, tags.byteArray.length - element.dataOffset);
  if (element.hadUndefinedLength === true)
    throw corruptDicom(path, 'its voxels are compressed, but it says they are not');
  if (needed > there || element.length > there) {
    throw corruptDicom(path, `its voxels end after ${there} of ${Math.max(needed, element.length)} bytes`);
  }
  // bytes come in words, so big-endian files have them in pairs
  const swap = syntax.bigEndian !== true ? 1 : bytesPerPixel > 1 ? bytesPerPixel : element.vr === 'OW' ? 2 : 1;
  return {
    read: async (wanted, into) => {
      const start = wanted.frame * frameBytes;
      // from a whole pair on
      const before = start % swap;
      const from = element.dataOffset + start - before;
      const bytes = tags.byteArray.subarray(from, from + Math.ceil((before + frameBytes) / swap) * swap);
      const little = swap > 1 ? swapped(bytes, swap) : bytes;
      writeValues(numbersIn(little.subarray(before, before + frameBytes), pixel), wanted, { into });
    },
  };
}

async function decoded(codec: FrameCodec, coding: FrameCoding, frame: Frame): Promise<DecodedFrame> {
  const { file, slice, bytes } = frame;
  const { path, syntax, syntaxUid } = file;
  const { rows, columns, bitsAllocated } = slice.pixel;
  const size = pictureSize(bytes);
  if (size === undefined) throw corruptDicom(path, `its compressed voxels are not ${syntax.name}`);
  const isAlike = size.rows === rows && size.columns === columns && size.samples === 1;
  if (!isAlike || size.precision > bitsAllocated) {
    const found = `${size.columns}x${size.rows} of ${size.samples} x ${size.precision} bits`;
    throw corruptDicom(
      path,
      `its compressed picture has ${found}, its tags say ${columns}x${rows} of ${bitsAllocated}`,
    );
  }
  const isBaseline = size.marker === BASELINE || (size.marker === EXTENDED && size.precision === 8);
  if (size.precision > 16 || (coding === 'jpeg' && !isBaseline)) {
    throw unreadSyntax(path, `${syntax.name} of ${size.precision} bits`, syntaxUid);
  }
  if (size.highThroughput) throw unreadSyntax(path, `${syntax.name}, high-throughput`, syntaxUid);
  let picture: DecodedFrame;
  try {
    picture = await codec.decode(coding, bytes);
  } catch (cause) {
    if (cause instanceof InputError) throw cause;
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw corruptDicom(path, `its ${syntax.name} voxels cannot be decoded (${reason.trim()})`, cause);
  }
  if (picture.values.length !== rows * columns) {
    throw corruptDicom(path, `its compressed picture has ${picture.values.length} of ${rows * columns} values`);
  }
  return picture;
}

interface Frame {
  readonly file: DicomFile;
  readonly slice: DicomSlice;
  readonly bytes: Uint8Array;
}

function unreadSyntax(path: string, name: string, uid: string): InputError {
  return new InputError(
    'E_DICOM_SYNTAX',
    `${path} has the transfer syntax ${name} (${uid}), which is not read. Decompress it, for example with gdcmconv --raw or dcmdjpeg, or convert it to NIfTI.`,
  );
}

/** Frames that are packed one by one. */
function packedFrames(file: DicomFile, slice: DicomSlice, codec: FrameCodec): FrameReader {
  const { path, tags } = file;
  const { coding } = file.syntax;
  const { pixel, frames } = slice;
  const element = tags.elements[pixel.pixelTag]!;
  const pixels = pixel.rows * pixel.columns;
  const bytesPerPixel = pixel.bitsAllocated / 8;
  const there = tags.byteArray.length - element.dataOffset;
  if (pixels * bytesPerPixel * frames > largestContentBytes(there, 'picture')) {
    throw corruptDicom(path, `it says to have ${frames} frames of ${pixel.columns}x${pixel.rows} in ${there} bytes`);
  }
  if (element.hadUndefinedLength !== true) throw corruptDicom(path, 'its compressed voxels are not made of fragments');
  const packed = compressedFrames(file, element.dataOffset, frames);
  return {
    read: async (wanted, into) => {
      const bytes = packed[wanted.frame]!;
      if (coding === 'rle') {
        try {
          const values = unpackRle(bytes, pixels, bytesPerPixel);
          return writeValues(numbersIn(values, pixel), wanted, { into });
        } catch (cause) {
          throw corruptDicom(path, cause instanceof Error ? cause.message : String(cause), cause);
        }
      }
      const frame = { file, slice: wanted, bytes };
      const { values, precision } = await decoded(codec, coding as FrameCoding, frame);
      // a signed codec's values are its low bits too
      const unsigned = values instanceof Int8Array || values instanceof Int16Array;
      const low = unsigned ? Array.from(values, value => (value < 0 ? value + 2 ** precision : value)) : values;
      writeValues(low, wanted, { into, precision });
    },
  };
}

/**
 * Opens the pixel data of a file.
 * @param slice any of its slices
 * @throws {InputError} E_DICOM_SYNTAX for a transfer syntax that is not read, by its name; E_DICOM_CORRUPT where voxels
 * are missing;
 *   E_VOLUME_TYPE
 */
export function openFrames(file: DicomFile, slice: DicomSlice, codec: FrameCodec): FrameReader {
  const { syntax, syntaxUid, path } = file;
  assertBits(path, slice.pixel);
  if (syntax.coding === undefined) throw unreadSyntax(path, syntax.name, syntaxUid);
  return syntax.coding === 'native' ? nativeFrames(file, slice) : packedFrames(file, slice, codec);
}
