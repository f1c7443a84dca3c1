/**
 * Files of named tensors in the safetensors format: an 8-byte header length, a JSON header, raw little-endian numbers.
 * The header has the type, the shape and the place of every tensor by its name, and free text under the key
 * `__metadata__`. One text, `sha256`, is the SHA-256 of the whole file but itself: the header with an empty checksum,
 * then the numbers. Other programs read such a file; this reader refuses one without the checksum.
 * Source: https://huggingface.co/docs/safetensors
 */
import { joinBytes } from './bytes.ts';
import { elementCount, type Shape } from './shape.ts';

/** SHA-256 as hexadecimal digits. */
export type Sha256 = (data: Uint8Array) => string;

const ELEMENT_BYTES = { F16: 2, F32: 4 } as const;

/** A tensor as the file has it. */
export interface StoredTensor {
  readonly name: string;
  readonly dtype: keyof typeof ELEMENT_BYTES;
  readonly shape: Shape;
  /** Its numbers, little-endian, row-major; at the start of a buffer where they were read from a file. */
  readonly data: Uint8Array;
}

export interface Safetensors {
  /** In the order of the numbers. */
  readonly tensors: readonly StoredTensor[];
  readonly metadata: Readonly<Record<string, string>>;
}

interface Entry {
  readonly dtype: keyof typeof ELEMENT_BYTES;
  readonly shape: Shape;
  readonly data_offsets: readonly [number, number];
}

type Entries = Readonly<Record<string, Entry>>;
type Metadata = Safetensors['metadata'];

const LENGTH_BYTES = 8;

/** Why a file cannot be read; whoever knows what the file is makes an error of it. */
export class SafetensorsProblem extends Error {}

function fail(reason: string): never {
  throw new SafetensorsProblem(reason);
}

function headerText(entries: Entries, metadata: Metadata): Uint8Array {
  return new TextEncoder().encode(JSON.stringify({ ...entries, __metadata__: metadata }));
}

/** Checksum of the whole file except the checksum itself. */
function checksum(
  {
    entries,
    metadata,
    payload,
  }: { readonly entries: Entries; readonly metadata: Metadata; readonly payload: Uint8Array },
  sha256: Sha256,
): string {
  return sha256(joinBytes([headerText(entries, { ...metadata, sha256: '' }), payload]));
}

/**
 * The file as bytes; tensors follow each other without gaps.
 * @param content.metadata text by name; `sha256` is added behind it
 */
export function encodeSafetensors({ tensors, metadata }: Safetensors, sha256: Sha256): Uint8Array {
  const entries: Record<string, Entry> = {};
  let end = 0;
  for (const { name, dtype, shape, data } of tensors) {
    entries[name] = { dtype, shape, data_offsets: [end, end + data.length] };
    end += data.length;
  }
  const payload = joinBytes(tensors.map(({ data }) => data));
  const sealed = { ...metadata, sha256: checksum({ entries, metadata, payload }, sha256) };
  const text = headerText(entries, sealed);
  const length = new Uint8Array(LENGTH_BYTES);
  new DataView(length.buffer).setBigUint64(0, BigInt(text.length), true);
  return joinBytes([length, text, payload]);
}

/** The parts of a file, not checked beyond being there. */
function readParts(bytes: Uint8Array) {
  if (bytes.length < LENGTH_BYTES) fail('it is too short to hold tensors');
  const length = Number(new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(0, true));
  if (length > bytes.length - LENGTH_BYTES) fail('its header is cut off');
  const end = LENGTH_BYTES + length;
  let header: { readonly __metadata__?: Metadata } | null;
  try {
    header = JSON.parse(new TextDecoder().decode(bytes.subarray(LENGTH_BYTES, end)));
  } catch {
    fail('its header is not JSON');
  }
  const { __metadata__: metadata, ...entries } = header ?? {};
  if (typeof metadata !== 'object' || metadata === null) fail('it has no metadata');
  return { entries: entries as Entries, metadata, payload: bytes.subarray(end) };
}

/** Whether an entry says where its numbers are, and they are as many as its shape needs. */
function fits(entry: Partial<Entry> | null, payload: Uint8Array): boolean {
  const { dtype, shape, data_offsets: offsets } = entry ?? {};
  if (!Array.isArray(shape) || !Array.isArray(offsets) || dtype === undefined || !Object.hasOwn(ELEMENT_BYTES, dtype))
    return false;
  const [start, end] = offsets as Entry['data_offsets'];
  const isWhole = [...shape, start, end].every(value => Number.isSafeInteger(value) && value >= 0);
  return isWhole && end <= payload.length && end - start === elementCount(shape) * ELEMENT_BYTES[dtype];
}

/**
 * Reads a file back.
 * @throws {SafetensorsProblem} with the reason, if it is damaged
 */
export function decodeSafetensors(bytes: Uint8Array, sha256: Sha256): Safetensors {
  const { entries, metadata, payload } = readParts(bytes);
  if (checksum({ entries, metadata, payload }, sha256) !== metadata['sha256']) fail('its checksum does not match');
  const tensors = Object.entries(entries).map(([name, entry]): StoredTensor => {
    if (!fits(entry, payload)) fail(`its entry "${name}" is malformed`);
    const { dtype, shape, data_offsets: offsets } = entry;
    // a copy of its own, so that its buffer starts at the numbers whatever kind of view `bytes` is
    return { name, dtype, shape, data: new Uint8Array(payload.subarray(...offsets)) };
  });
  return { tensors, metadata };
}
