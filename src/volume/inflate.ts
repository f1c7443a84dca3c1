/**
 * Compressed bytes in pieces, so that neither packing nor unpacking needs the content as a whole in memory: gzip (every
 * member), zlib and bare deflate streams. Checksum and length are verified, which the inflate library does not do, so a
 * flipped bit never becomes a voxel. How much content can still come is bounded here too, for every format. Source: RFC
 * 1950, RFC 1951 and RFC 1952.
 */

import { Gunzip, Gzip, Inflate, zlibSync } from 'fflate';
import { joinBytes } from '../core/bytes.ts';
import { crc32 } from '../core/crc32.ts';

/** Input bytes per step. One step can produce about a thousand times as much. */
const STEP_BYTES = 65536;
/** A deflate stream grows at most 1032 times (258 bytes per 2 bits). */
const LARGEST_DEFLATE_RATIO = 1032;
/** Pictures of one grey value shrink to a header of about a hundred bytes, whatever their size. */
const LARGEST_FLAT_PICTURES_BYTES = 16 * 2 ** 20;
/**
 * Size and ratio up to which the declared size is trusted; beyond them the content is first unpacked and counted
 * without keeping it.
 */
const BELIEVED_BYTES = 256 * 2 ** 20;
const BELIEVED_RATIO = 64;
const GZIP_TRAILER_BYTES = 8;
const ZLIB_HEADER_BYTES = 2;
const ZLIB_TRAILER_BYTES = 4;
const ADLER_MODULUS = 65521;
/** Bytes that can be summed before the sums of Adler-32 pass 2^32. */
const ADLER_RUN = 3854;

/** Compression of stored bytes. */
export type Compression = 'none' | 'gzip' | 'zlib' | 'picture';

/**
 * The most content that stored bytes can hold, whatever a header claims. Memory is spent only below it.
 * @param storedBytes size of the file
 */
export function largestContentBytes(storedBytes: number, compression: Compression): number {
  switch (compression) {
    case 'none':
      return storedBytes;
    case 'gzip':
    case 'zlib':
      return storedBytes * LARGEST_DEFLATE_RATIO;
    case 'picture':
      return storedBytes * LARGEST_DEFLATE_RATIO + LARGEST_FLAT_PICTURES_BYTES;
    default:
      return compression satisfies never;
  }
}

/**
 * The real content of stored bytes if a header declares a suspicious amount, otherwise the most that they can hold.
 * @param declaredBytes size that the header declares
 * @param unpack goes over the content without keeping it
 */
export function availableContentBytes(
  storedBytes: number,
  declaredBytes: number,
  unpack: (onPiece: (piece: Uint8Array) => void) => void,
): number {
  const most = largestContentBytes(storedBytes, 'gzip');
  const isBelieved = declaredBytes <= BELIEVED_BYTES || declaredBytes <= storedBytes * BELIEVED_RATIO;
  if (isBelieved || declaredBytes > most) return most;
  let content = 0;
  unpack(piece => {
    content += piece.length;
  });
  return content;
}

/** Whether bytes start like a gzip file, whatever its name is. */
export function isGzip(bytes: Uint8Array): boolean {
  return bytes[0] === 0x1f && bytes[1] === 0x8b;
}

/** What a member of a gzip file must say of itself, checked when it has come to its end. */
interface Member {
  crc: number;
  length: number;
}

function checkMember({ crc, length }: Member, bytes: Uint8Array, end: number): void {
  if (end < GZIP_TRAILER_BYTES) throw new Error('it ends within its gzip trailer');
  const trailer = new DataView(bytes.buffer, bytes.byteOffset + end - GZIP_TRAILER_BYTES, GZIP_TRAILER_BYTES);
  if (trailer.getUint32(0, true) !== crc) throw new Error('its gzip checksum is wrong');
  if (trailer.getUint32(4, true) !== length % 2 ** 32) throw new Error('its gzip length is wrong');
}

/**
 * Unpacks a gzip file piece by piece.
 * @param onPiece sees the content in order; may throw to stop
 * @throws {Error} if the stream is damaged, ends early, or a member fails its checksum or length
 */
export function gunzip(bytes: Uint8Array, onPiece: (piece: Uint8Array) => void): void {
  let member: Member = { crc: 0, length: 0 };
  const stream = new Gunzip(piece => {
    if (piece.length === 0) return;
    member.crc = crc32(piece, member.crc);
    member.length += piece.length;
    onPiece(piece);
  });
  stream.onmember = start => {
    checkMember(member, bytes, start);
    member = { crc: 0, length: 0 };
  };
  feed(stream, bytes);
  checkMember(member, bytes, bytes.length);
}

/** Passes bytes to a stream step by step. */
function feed(stream: { push(piece: Uint8Array, final: boolean): void }, bytes: Uint8Array): void {
  for (let offset = 0; offset === 0 || offset < bytes.length; offset += STEP_BYTES) {
    stream.push(bytes.subarray(offset, offset + STEP_BYTES), offset + STEP_BYTES >= bytes.length);
  }
}

/** Unpacks a bare deflate stream, which carries no checksum. @throws {Error} if it is damaged or ends early */
export function inflateRaw(bytes: Uint8Array, onPiece: (piece: Uint8Array) => void): void {
  feed(new Inflate(onPiece), bytes);
}

/**
 * Unpacks a zlib stream piece by piece.
 * @param onPiece sees the content in order; may throw to stop
 * @throws {Error} if it is not a zlib stream, is damaged, ends early, or fails its checksum
 */
export function unzlib(bytes: Uint8Array, onPiece: (piece: Uint8Array) => void): void {
  const [method = 0, flags = 0] = bytes;
  const isZlib = bytes.length > ZLIB_HEADER_BYTES + ZLIB_TRAILER_BYTES && (method & 15) === 8;
  if (!isZlib || (method * 256 + flags) % 31 !== 0 || (flags & 32) !== 0) throw new Error('it is no zlib stream');
  let [low, high] = [1, 0];
  const body = bytes.subarray(ZLIB_HEADER_BYTES, bytes.length - ZLIB_TRAILER_BYTES);
  inflateRaw(body, piece => {
    for (let start = 0; start < piece.length; start += ADLER_RUN) {
      const end = Math.min(piece.length, start + ADLER_RUN);
      for (let i = start; i < end; i++) {
        low += piece[i]!;
        high += low;
      }
      low %= ADLER_MODULUS;
      high %= ADLER_MODULUS;
    }
    if (piece.length > 0) onPiece(piece);
  });
  const trailer = new DataView(bytes.buffer, bytes.byteOffset + bytes.length - ZLIB_TRAILER_BYTES);
  if (trailer.getUint32(0) !== high * 65536 + low) throw new Error('its zlib checksum is wrong');
}

/** Packs pieces as one gzip file; the same content gives the same bytes. */
export function gzip(pieces: Iterable<Uint8Array>): Uint8Array {
  const packed: Uint8Array[] = [];
  const stream = new Gzip({ mtime: 0 }, piece => packed.push(piece));
  for (const piece of pieces) stream.push(piece);
  stream.push(new Uint8Array(0), true);
  return joinBytes(packed);
}

/** Packs content as one zlib stream; the same content gives the same bytes. */
export function zlib(content: Uint8Array): Uint8Array {
  return zlibSync(content);
}
