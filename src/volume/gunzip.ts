/**
 * Gunzips a file whose header says how large it must be. Output is bounded while it is produced, so a file that unpacks to
 * terabytes costs neither memory nor time, and nothing is allocated that the compressed bytes could not fill. The checksum of the
 * (last) member is verified, which the inflate library does not do. Source: RFC 1951 and RFC 1952.
 */
import { Gunzip } from 'fflate';

/** How large the content is, as told by its first bytes. */
export interface GunzipPlan {
  /** Bytes that `sizeOf` needs; it gets fewer where the content is shorter. */
  readonly headBytes: number;
  /** Size of the whole content; may throw to stop. */
  sizeOf(head: Uint8Array): number;
}

/** Input per step. One step can produce about a thousand times as much. */
const STEP_BYTES = 65536;
/** A deflate stream grows at most 1032 times (258 bytes per 2 bits). */
const LARGEST_RATIO = 1032;
/** Content that may follow the announced size; more is refused. */
const SLACK_BYTES = 65536;
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
 * Content of a gzip file, cut to the size that its own first bytes announce (shorter where the content is).
 * @throws {Error} if the stream is damaged, ends early, fails its checksum, or goes on far beyond the announced size
 */
export function gunzip(bytes: Uint8Array, plan: GunzipPlan): Uint8Array {
  let content = new Uint8Array(plan.headBytes);
  let planned = false;
  let total = 0;
  let crc = -1;
  const allocate = (): void => {
    const size = plan.sizeOf(content.subarray(0, Math.min(total, content.length)));
    if (size > bytes.length * LARGEST_RATIO) throw new Error('the compressed data ends too early');
    const head = content;
    content = new Uint8Array(size);
    content.set(head.subarray(0, size));
    planned = true;
  };
  const append = (chunk: Uint8Array, at: number): void => {
    if (at < content.length) content.set(chunk.subarray(0, content.length - at), at);
  };
  const stream = new Gunzip(chunk => {
    if (chunk.length === 0) return;
    crc = updateCrc(crc, chunk);
    const start = total;
    total += chunk.length;
    append(chunk, start);
    if (!planned && total >= plan.headBytes) {
      allocate();
      append(chunk, start);
    }
    if (planned && total > content.length + SLACK_BYTES)
      throw new Error('it holds far more data than its header announces');
  });
  stream.onmember = () => {
    crc = -1;
  };
  for (let offset = 0; offset < bytes.length; offset += STEP_BYTES) {
    stream.push(bytes.subarray(offset, offset + STEP_BYTES), offset + STEP_BYTES >= bytes.length);
  }
  const trailer = new DataView(bytes.buffer, bytes.byteOffset + bytes.length - TRAILER_BYTES, TRAILER_BYTES);
  if (trailer.getUint32(0, true) !== (crc ^ -1) >>> 0) throw new Error('its gzip checksum is wrong');
  if (!planned) allocate();
  return content.subarray(0, Math.min(total, content.length));
}
