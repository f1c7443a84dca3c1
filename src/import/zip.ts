/**
 * Zip archives by their central directory, which alone has sizes that can be trusted: PyTorch writes none into the
 * local headers. Stored and deflated entries, also of zip64; no encryption, no archives in parts. Nothing is unpacked
 * before it is asked for, never more than an entry's own size, and what does not have the entry's checksum is refused.
 * Source: PKWARE APPNOTE.TXT 6.3.10.
 */
import { inflateSync } from 'fflate';
import { crc32 } from '../core/crc32.ts';
import { type ErrorCode, InputError } from '../core/errors.ts';

/** One file of an archive. */
interface Entry {
  readonly method: number;
  readonly packedBytes: number;
  readonly bytes: number;
  /** Offset of the local header. */
  readonly offset: number;
  readonly isEncrypted: boolean;
  /** CRC-32 of the content; 0 where the writer has not computed it, as PyTorch can be asked. */
  readonly crc: number;
}

/** The files of an archive. */
export interface Archive {
  readonly names: readonly string[];
  /**
   * The content of a file; where it is stored uncompressed, a view on the archive.
   * @throws {InputError} E_IMPORT_CORRUPT if it is not there, damaged, or packed in another way
   */
  read(name: string): Uint8Array;
}

const SIGNATURE = { end: 0x06054b50, end64: 0x06064b50, locator64: 0x07064b50, central: 0x02014b50, local: 0x04034b50 };
const LENGTH = { end: 22, locator64: 20, end64: 56, central: 46, local: 30 } as const;
const LARGEST_COMMENT = 0xffff;
/** What stands in a field of 32 bits whose value is in the zip64 extra field. */
const IN_EXTRA = 0xffffffff;
const STORED = 0;
const DEFLATED = 8;

const CORRUPT: ErrorCode = 'E_IMPORT_CORRUPT';

/** Whether bytes start as a zip archive does. */
export function isZip(bytes: Uint8Array): boolean {
  return bytes[0] === 0x50 && bytes[1] === 0x4b && bytes[2] === 3 && bytes[3] === 4;
}

/** Reads numbers of an archive, and refuses to read past its end. */
class View {
  readonly #view: DataView;
  readonly #path: string;

  constructor(bytes: Uint8Array, path: string) {
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#path = path;
  }

  get length(): number {
    return this.#view.byteLength;
  }

  fail(reason: string): never {
    throw new InputError(CORRUPT, `${this.#path} is no whole zip archive: ${reason}. Copy the file anew.`);
  }

  assertInside(offset: number, length: number): void {
    if (!Number.isSafeInteger(offset) || !Number.isSafeInteger(length) || offset < 0 || offset + length > this.length) {
      this.fail(`it ends at byte ${this.length}, and says that it goes on`);
    }
  }

  u16(offset: number): number {
    this.assertInside(offset, 2);
    return this.#view.getUint16(offset, true);
  }

  u32(offset: number): number {
    this.assertInside(offset, 4);
    return this.#view.getUint32(offset, true);
  }

  u64(offset: number): number {
    this.assertInside(offset, 8);
    return Number(this.#view.getBigUint64(offset, true));
  }
}

/** Where the central directory lies. */
function findDirectory(view: View): { readonly offset: number; readonly count: number } {
  const last = view.length - LENGTH.end;
  let end = last;
  while (end >= 0 && end >= last - LARGEST_COMMENT && view.u32(end) !== SIGNATURE.end) end--;
  if (end < 0 || end < last - LARGEST_COMMENT) view.fail('its directory, which stands at the end, is missing');
  const locator = end - LENGTH.locator64;
  if (locator >= 0 && view.u32(locator) === SIGNATURE.locator64) {
    const end64 = view.u64(locator + 8);
    if (view.u32(end64) !== SIGNATURE.end64) view.fail('its zip64 directory is missing');
    return { offset: view.u64(end64 + 48), count: view.u64(end64 + 32) };
  }
  return { offset: view.u32(end + 16), count: view.u16(end + 10) };
}

/**
 * The 64-bit values of an entry whose 32-bit fields are full: size, packed size and offset, each only where it is
 * needed.
 */
function wide(
  view: View,
  extra: { readonly start: number; readonly length: number },
  fields: readonly number[],
): number[] {
  if (!fields.includes(IN_EXTRA)) return [...fields];
  const end = extra.start + extra.length;
  for (let at = extra.start; at + 4 <= end; at += 4 + view.u16(at + 2)) {
    if (view.u16(at) !== 1) continue;
    let next = at + 4;
    return fields.map(field => {
      if (field !== IN_EXTRA) return field;
      if (next + 8 > end) view.fail('the size of an entry is missing');
      next += 8;
      return view.u64(next - 8);
    });
  }
  return view.fail('the size of an entry is missing');
}

function readDirectory(bytes: Uint8Array, view: View): ReadonlyMap<string, Entry> {
  const { offset, count } = findDirectory(view);
  const entries = new Map<string, Entry>();
  const decoder = new TextDecoder();
  let at = offset;
  for (let index = 0; index < count; index++) {
    if (view.u32(at) !== SIGNATURE.central) view.fail(`entry ${index} of its directory is damaged`);
    const [nameLength, extraLength, commentLength] = [view.u16(at + 28), view.u16(at + 30), view.u16(at + 32)];
    const nameStart = at + LENGTH.central;
    view.assertInside(nameStart, nameLength + extraLength + commentLength);
    const name = decoder.decode(bytes.subarray(nameStart, nameStart + nameLength));
    const extra = { start: nameStart + nameLength, length: extraLength };
    const [size = 0, packedBytes = 0, local = 0] = wide(view, extra, [
      view.u32(at + 24),
      view.u32(at + 20),
      view.u32(at + 42),
    ]);
    if (entries.has(name)) view.fail(`it has two entries "${name}"`);
    const isEncrypted = (view.u16(at + 8) & 1) === 1;
    const [method, crc] = [view.u16(at + 10), view.u32(at + 16)];
    entries.set(name, { method, packedBytes, bytes: size, offset: local, isEncrypted, crc });
    at = extra.start + extraLength + commentLength;
  }
  return entries;
}

/**
 * Opens a zip archive.
 * @param path for messages
 * @throws {InputError} E_IMPORT_CORRUPT
 */
export function openArchive(bytes: Uint8Array, path: string): Archive {
  const view = new View(bytes, path);
  const entries = readDirectory(bytes, view);
  const unpacked = (name: string, { method, packedBytes, bytes: size, offset }: Entry): Uint8Array => {
    if (view.u32(offset) !== SIGNATURE.local) view.fail(`its entry "${name}" is damaged`);
    const start = offset + LENGTH.local + view.u16(offset + 26) + view.u16(offset + 28);
    view.assertInside(start, packedBytes);
    const packed = bytes.subarray(start, start + packedBytes);
    if (method === STORED && packedBytes === size) return packed;
    if (method !== DEFLATED) view.fail(`its entry "${name}" is packed by method ${method}`);
    // deflate grows at most 1032 times, so a size beyond that is a lie that would only cost memory
    if (size > 1032 * packedBytes + 64) view.fail(`its entry "${name}" says that it has ${size} bytes`);
    try {
      const content = inflateSync(packed, { out: new Uint8Array(size) });
      if (content.length === size) return content;
    } catch {
      // said below
    }
    return view.fail(`its entry "${name}" is damaged`);
  };
  const verified = new Set<string>();
  const read = (name: string): Uint8Array => {
    const entry = entries.get(name) ?? view.fail(`it has no entry "${name}"`);
    if (entry.isEncrypted) view.fail(`its entry "${name}" is encrypted`);
    const content = unpacked(name, entry);
    // tensors that share a storage ask for it again and again
    if (entry.crc !== 0 && !verified.has(name) && crc32(content) !== entry.crc) {
      view.fail(`the checksum of its entry "${name}" is wrong`);
    }
    verified.add(name);
    return content;
  };
  return { names: [...entries.keys()], read };
}
