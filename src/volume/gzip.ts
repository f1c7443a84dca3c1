/**
 * Gzip files in pieces, so that neither packing nor unpacking needs the content as a whole in memory. Checksum and length of every member
 * are verified, which the inflate library does not do. Source: RFC 1951 and RFC 1952.
 */

import { Gunzip, Gzip } from 'fflate';
import { joinBytes } from '../core/bytes.ts';

/** Input per step. One step can produce about a thousand times as much. */
const STEP_BYTES = 65536;
/** A deflate stream grows at most 1032 times (258 bytes per 2 bits). */
export const LARGEST_GZIP_RATIO = 1032;
const TRAILER_BYTES = 8;

const CRC_TABLE = Uint32Array.from({ length: 256 }, (_, byte) => {
  let value = byte;
  for (let bit = 0; bit < 8; bit++) value = value & 1 ? 0xedb88320 ^ (value >>> 1) : value >>> 1;
  return value;
});

function updateCrc(crc: number, bytes: Uint8Array): number {
  let c = crc;
  for (let i = 0; i < bytes.length; i++) c = CRC_TABLE[(c ^ bytes[i]!) & 255]! ^ (c >>> 8);
  return c;
}

/** Whether bytes start like a gzip file, whatever its name is. */
export function isGzip(bytes: Uint8Array): boolean {
  return bytes[0] === 0x1f && bytes[1] === 0x8b;
}

/**
 * Unpacks a gzip file piece by piece.
 * @param onPiece sees the content in order; may throw to stop
 * @throws {Error} if the stream is damaged, ends early, or the last member fails its checksum or length
 */
export function gunzip(bytes: Uint8Array, onPiece: (piece: Uint8Array) => void): void {
  let crc = -1;
  let length = 0;
  const stream = new Gunzip(piece => {
    if (piece.length === 0) return;
    crc = updateCrc(crc, piece);
    length += piece.length;
    onPiece(piece);
  });
  stream.onmember = () => {
    crc = -1;
    length = 0;
  };
  for (let offset = 0; offset < bytes.length; offset += STEP_BYTES) {
    stream.push(bytes.subarray(offset, offset + STEP_BYTES), offset + STEP_BYTES >= bytes.length);
  }
  const trailer = new DataView(bytes.buffer, bytes.byteOffset + bytes.length - TRAILER_BYTES, TRAILER_BYTES);
  if (trailer.getUint32(0, true) !== (crc ^ -1) >>> 0) throw new Error('its gzip checksum is wrong');
  if (trailer.getUint32(4, true) !== length % 2 ** 32) throw new Error('its gzip length is wrong');
}

/** Packs pieces as one gzip file; the same content gives the same bytes. */
export function gzip(pieces: Iterable<Uint8Array>): Uint8Array {
  const packed: Uint8Array[] = [];
  const stream = new Gzip({ mtime: 0 }, piece => packed.push(piece));
  for (const piece of pieces) stream.push(piece);
  stream.push(new Uint8Array(0), true);
  return joinBytes(packed);
}
