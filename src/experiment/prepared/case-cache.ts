/**
 * What is computed of a case before any training, kept for the next start: prepared image and label, and the facts of
 * the case. An entry is found by the SHA-256 of everything that it depends on: the bytes of the files of the case, the
 * data set's channels and labels, every setting of the preprocessing with its numbers, the versions of the program and
 * of Node, and {@link PREPARATION}. So an entry that is found is what would be computed, to the last bit.
 *
 * Format of an entry: 64 hexadecimal digits, the SHA-256 of the rest; 8 bytes, the length of a header, little-endian;
 * the header, JSON, filled up with blanks to a multiple of 8 bytes; the arrays, each filled up likewise. An entry that
 * is damaged counts as absent, with a word.
 */
import { joinBytes } from '../../core/bytes.ts';
import type { Sha256 } from '../../core/safetensors.ts';
import type { ByteCache } from '../../runtime/byte-cache.ts';
import { fromJson, toJson } from './exact-json.ts';

/**
 * Version of what is computed of a case: to be raised with every change that gives other numbers for the same files,
 * so that developers do not meet entries of before; between releases the version of the program distinguishes them.
 */
const PREPARATION = 1;

/** An array of an entry. */
type Stored = Float32Array | Uint8Array | Uint16Array;

/** What an entry holds. */
export interface Entry<T> {
  /** Numbers and text; also NaN, infinity and -0. */
  readonly facts: T;
  readonly arrays: Readonly<Record<string, Stored>>;
}

/** What is made for an entry. */
export interface Made<T> extends Entry<T> {
  /** Bytes of the voxels that it was made of. */
  readonly voxelBytes: number;
}

interface Header {
  readonly key: string;
  readonly facts: unknown;
  readonly arrays: readonly { readonly name: string; readonly kind: keyof typeof KINDS; readonly length: number }[];
}

const KINDS = { float32: Float32Array, uint8: Uint8Array, uint16: Uint16Array } as const;
const ALIGNMENT = 8;
const DIGEST_BYTES = 64;
const LENGTH_BYTES = 8;

function kindOf(array: Stored): keyof typeof KINDS {
  if (array instanceof Float32Array) return 'float32';
  return array instanceof Uint16Array ? 'uint16' : 'uint8';
}

function filled(bytes: number): number {
  return Math.ceil(bytes / ALIGNMENT) * ALIGNMENT;
}

function bytesOf(array: Stored): Uint8Array {
  return new Uint8Array(array.buffer, array.byteOffset, array.byteLength);
}

/** An entry as parts that follow each other. */
function encode(key: string, { facts, arrays }: Entry<unknown>, sha256: Sha256): readonly Uint8Array[] {
  const list = Object.entries(arrays).map(([name, array]) => ({ name, kind: kindOf(array), length: array.length }));
  const text = new TextEncoder().encode(toJson({ key, facts, arrays: list } satisfies Header));
  const header = new Uint8Array(LENGTH_BYTES + filled(text.length)).fill(0x20, LENGTH_BYTES);
  new DataView(header.buffer).setBigUint64(0, BigInt(header.length - LENGTH_BYTES), true);
  header.set(text, LENGTH_BYTES);
  const padded = Object.values(arrays).flatMap(array => {
    const bytes = bytesOf(array);
    return [bytes, new Uint8Array(filled(bytes.length) - bytes.length)];
  });
  const rest = [header, ...padded];
  return [new TextEncoder().encode(sha256(joinBytes(rest))), ...rest];
}

/** What an entry holds; undefined if it is damaged or another. */
function decode(bytes: Uint8Array, key: string, sha256: Sha256): Entry<unknown> | undefined {
  const text = (from: number, to: number): string => new TextDecoder().decode(bytes.subarray(from, to));
  if (bytes.length < DIGEST_BYTES + LENGTH_BYTES) return undefined;
  if (sha256(bytes.subarray(DIGEST_BYTES)) !== text(0, DIGEST_BYTES)) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  const start = DIGEST_BYTES + LENGTH_BYTES;
  const headerBytes = Number(view.getBigUint64(DIGEST_BYTES, true));
  // whole, as the checksum says, and so as it was written
  const header = fromJson(text(start, start + headerBytes)) as Header;
  if (header.key !== key) return undefined;
  // arrays begin at multiples of their elements in the buffer, or get a buffer of their own
  const own = bytes.byteOffset % ALIGNMENT === 0 ? bytes : bytes.slice();
  const arrays: Record<string, Stored> = {};
  let at = start + headerBytes;
  for (const { name, kind, length } of header.arrays) {
    const array = new KINDS[kind](own.buffer as ArrayBuffer, own.byteOffset + at, length);
    arrays[name] = array;
    at += filled(array.byteLength);
  }
  return { facts: header.facts, arrays };
}

/** The entries of cases. */
export interface CaseCache {
  /**
   * What is kept under a key, or else is made now and then kept.
   * @param depends everything that it depends on, besides the versions
   */
  keep<T>(depends: unknown, make: () => Promise<Made<T>>): Promise<Entry<T>>;
}

/** What a cache needs. */
export interface CaseCacheOptions {
  readonly bytes: ByteCache;
  readonly sha256: Sha256;
  readonly versions: Readonly<Record<string, string>>;
  readonly warn: (message: string) => void;
}

/** A cache of cases over a store of bytes. */
export function openCaseCache({ bytes, sha256, versions, warn }: CaseCacheOptions): CaseCache {
  return {
    keep: async <T>(depends: unknown, make: () => Promise<Made<T>>) => {
      const key = sha256(new TextEncoder().encode(toJson([PREPARATION, versions, depends])));
      const found = await bytes.read(key);
      const kept = found && decode(found, key, sha256);
      if (kept !== undefined) return kept as Entry<T>;
      if (found !== undefined) warn(`the prepared case ${key} of the cache is damaged; it is made again`);
      const made = await make();
      if (made.voxelBytes >= bytes.worthBytes) await bytes.write(key, encode(key, made, sha256));
      return made;
    },
  };
}
