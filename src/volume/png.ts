/**
 * PNG pictures as planes, as data sets of 2D images have them: grey or colour (three channels), 8 or 16 bits. A picture
 * has no size in millimetres and no place: pixels are taken as 1 mm, its right as the patient's left and down as back,
 * as pictures of slices are shown. The samples are decoded by fast-png.
 * Source: https://www.w3.org/TR/png-3/, chunks IHDR, tRNS and PLTE.
 */
import { decode } from 'fast-png';
import { joinBytes } from '../core/bytes.ts';
import { InputError } from '../core/errors.ts';
import { elementCount } from '../core/shape.ts';
import type { VolumeWarning } from './geometry.ts';
import { largestContentBytes, unzlib } from './inflate.ts';
import { affineOfLps } from './lps.ts';
import type { Grid, Volume, Xyz } from './volume.ts';
import { assertReadable, corruptVolume, separateChannels } from './voxel-file.ts';

const SIGNATURE = [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a] as const;
/** Signature, length and name of the first chunk, and its 13 bytes. */
const HEADER_BYTES = 29;
/** Channels by the colour type of IHDR; palettes and pictures with transparency are refused. */
const CHANNELS: Readonly<Record<number, number>> = { 0: 1, 2: 3, 4: 2, 6: 4 };
const PALETTE = 3;
/** Length, name and checksum of a chunk. */
const CHUNK_BYTES = 12;
const DIRECTION = [1, 0, 0, 0, 1, 0, 0, 0, 1];

/** What the first chunk says. */
interface PngHeader {
  readonly sizeVoxels: Xyz;
  /** Samples of a pixel, those of transparency included. */
  readonly samples: number;
  readonly bits: number;
}

function refuse(path: string, reason: string): InputError {
  return new InputError(
    'E_VOLUME_TYPE',
    `${path} ${reason}; grey pictures and colours without transparency, of 8 or 16 bits, are read. Convert it.`,
  );
}

function readHeader(bytes: Uint8Array, path: string): PngHeader {
  if (bytes.length < HEADER_BYTES || SIGNATURE.some((byte, index) => bytes[index] !== byte)) {
    throw corruptVolume(path, 'it does not begin as a PNG file does');
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const [width, height, bits, colour] = [view.getUint32(16), view.getUint32(20), view.getUint8(24), view.getUint8(25)];
  if (width === 0 || height === 0) throw corruptVolume(path, `its size is ${width} x ${height}`);
  if (colour === PALETTE) throw refuse(path, 'has a palette');
  const samples = CHANNELS[colour];
  if (samples === undefined) throw corruptVolume(path, `its colour type is ${colour}`);
  if (bits !== 8 && bits !== 16) throw refuse(path, `has samples of ${bits} bit(s)`);
  return { sizeVoxels: [width, height, 1], samples, bits };
}

function gridOf({ sizeVoxels }: PngHeader): Grid {
  const spacingMm: Xyz = [1, 1, 1];
  return {
    sizeVoxels,
    spacingMm,
    affine: affineOfLps({ spacing: spacingMm, origin: [0, 0, 0], direction: DIRECTION }),
  };
}

/**
 * The grid of a picture, from its first bytes.
 * @throws {InputError} E_VOLUME_CORRUPT, E_VOLUME_TYPE
 */
export function decodePngGrid(start: Uint8Array, path: string): Grid {
  return gridOf(readHeader(start, path));
}

/** The samples without those of transparency, which must all be opaque. */
function opaque(samples: Float32Array, { samples: count, bits }: PngHeader, path: string): Float32Array {
  if (count !== 2 && count !== 4) return samples;
  const largest = 2 ** bits - 1;
  const kept = count - 1;
  const data = new Float32Array((samples.length / count) * kept);
  for (let pixel = 0, to = 0; pixel < samples.length; pixel += count) {
    if (samples[pixel + kept] !== largest) throw refuse(path, 'is transparent in places');
    for (let channel = 0; channel < kept; channel++) data[to++] = samples[pixel + channel]!;
  }
  return data;
}

/** The chunks that make the picture; texts and colour profiles, which may be packed too, are not needed. */
const NEEDED = new Set(['IHDR', 'tRNS', 'IDAT', 'IEND']);

interface Chunk {
  readonly name: string;
  /** With length, name and checksum. */
  readonly whole: Uint8Array;
  readonly content: Uint8Array;
}

/** The chunks of a file that are needed. @throws {InputError} E_VOLUME_CORRUPT where it ends early */
function chunksOf(bytes: Uint8Array, path: string): readonly Chunk[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const chunks: Chunk[] = [];
  for (let at: number = SIGNATURE.length; chunks.at(-1)?.name !== 'IEND'; ) {
    if (at + CHUNK_BYTES > bytes.length)
      throw corruptVolume(path, `it ends after ${bytes.length} bytes, before its end`);
    const end = at + CHUNK_BYTES + view.getUint32(at);
    if (end > bytes.length) throw corruptVolume(path, `it ends after ${bytes.length} bytes, within a part of it`);
    const name = String.fromCharCode(...bytes.subarray(at + 4, at + 8));
    const chunk = { name, whole: bytes.subarray(at, end), content: bytes.subarray(at + 8, end - 4) };
    if (NEEDED.has(name)) chunks.push(chunk);
    at = end;
  }
  return chunks;
}

/** Refuses pixels that unpack to more than the header declares, before they are kept. */
function assertBounded(chunks: readonly Chunk[], mostBytes: number, path: string): void {
  let total = 0;
  try {
    unzlib(joinBytes(chunks.filter(({ name }) => name === 'IDAT').map(({ content }) => content)), piece => {
      total += piece.length;
      if (total > mostBytes) throw new RangeError(`its pixels are more than the ${mostBytes} bytes that it declares`);
    });
  } catch (cause) {
    throw corruptVolume(path, cause instanceof Error ? cause.message : String(cause));
  }
}

/**
 * Decodes a PNG picture as a volume of one slice.
 * @throws {InputError} E_VOLUME_CORRUPT, E_VOLUME_TYPE, E_VOLUME_TOO_LARGE; all name the path
 */
export function decodePng(
  bytes: Uint8Array,
  path: string,
): { readonly volume: Volume; readonly dataType: string; readonly warnings: readonly VolumeWarning[] } {
  const header = readHeader(bytes, path);
  const { sizeVoxels, samples, bits } = header;
  assertReadable({ sizeVoxels, channels: samples, path });
  const declared = elementCount(sizeVoxels) * samples * (bits / 8);
  if (declared > largestContentBytes(bytes.length, 'zlib')) {
    throw corruptVolume(path, `its ${bytes.length} bytes cannot hold the ${declared} of its pixels`);
  }
  const chunks = chunksOf(bytes, path);
  // each line begins with the number of its filter; interlaced pictures have up to seven times as many lines
  assertBounded(chunks, declared + 8 * (sizeVoxels[1] + 8), path);
  let decoded: ReturnType<typeof decode>;
  try {
    decoded = decode(joinBytes([bytes.subarray(0, SIGNATURE.length), ...chunks.map(({ whole }) => whole)]), {
      checkCrc: true,
    });
  } catch (cause) {
    throw corruptVolume(path, cause instanceof Error ? cause.message : String(cause));
  }
  if (decoded.data.length !== elementCount(sizeVoxels) * samples) {
    throw corruptVolume(
      path,
      `it has ${decoded.data.length} samples and declares ${elementCount(sizeVoxels) * samples}`,
    );
  }
  if (decoded.transparency !== undefined) throw refuse(path, 'is transparent in places');
  const own = opaque(Float32Array.from(decoded.data), header, path);
  const channels = own.length / elementCount(sizeVoxels);
  const message = `${path}: a PNG file has no spacing and no place; 1 mm is taken, its right as the patient's left, and down as back.`;
  return {
    volume: { ...gridOf(header), data: separateChannels(own, channels, 1), channels, isPlaced: false },
    dataType: `uint${bits}`,
    warnings: [{ code: 'W_SPACE_UNKNOWN', message }],
  };
}
