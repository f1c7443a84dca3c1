/**
 * A checkpoint as one file in the safetensors format: an 8-byte header length, a JSON header, raw little-endian float32. Parameters are
 * entries by name (so other programs can read them), optimizer state is flat. The header carries the step, what is needed for an exact
 * resume, and a SHA-256 of all the rest. Source: https://huggingface.co/docs/safetensors
 */
import { InputError } from '../core/errors.ts';
import { elementCount } from '../core/shape.ts';
import type { ParameterSpec } from '../nn/parameters.ts';

export interface Checkpoint {
  /** Steps done. */
  readonly step: number;
  readonly theta: Float32Array;
  /** Optimizer state by name. */
  readonly state: Readonly<Record<string, Float32Array>>;
  /** Best validation so far. */
  readonly best: { readonly step: number; readonly dice: number } | null;
  /** Seconds of training so far. */
  readonly seconds: number;
  /** Identifies what the training depends on; a resume with another one is refused. */
  readonly fingerprint: string;
}

interface Entry {
  readonly dtype: 'F32';
  readonly shape: readonly number[];
  readonly data_offsets: readonly [number, number];
}

/** Entries by name, and free text under the key that the format reserves for it. */
type Header = Record<string, Entry> & { __metadata__?: Record<string, string> };

/** SHA-256 of the file's content but itself: the header with an empty checksum, then the payload. */
async function checksum(header: Header, payload: Uint8Array): Promise<string> {
  const text = JSON.stringify({ ...header, __metadata__: { ...header.__metadata__, sha256: '' } });
  const digest = await crypto.subtle.digest('SHA-256', await new Blob([text, payload.slice()]).arrayBuffer());
  return Array.from(new Uint8Array(digest), byte => byte.toString(16).padStart(2, '0')).join('');
}

/** The checkpoint as bytes. */
export async function encodeCheckpoint(checkpoint: Checkpoint, specs: readonly ParameterSpec[]): Promise<Uint8Array> {
  const entries: Record<string, Entry> = {};
  let end = 0;
  const place = (name: string, shape: readonly number[]): void => {
    const start = end;
    end += elementCount(shape) * Float32Array.BYTES_PER_ELEMENT;
    entries[name] = { dtype: 'F32', shape, data_offsets: [start, end] };
  };
  for (const { name, shape } of specs) place(`parameters.${name}`, shape);
  for (const [name, values] of Object.entries(checkpoint.state)) place(`state.${name}`, [values.length]);
  const payload = new Float32Array(end / Float32Array.BYTES_PER_ELEMENT);
  payload.set(checkpoint.theta, 0);
  let start = checkpoint.theta.length;
  for (const values of Object.values(checkpoint.state)) {
    payload.set(values, start);
    start += values.length;
  }
  const raw = new Uint8Array(payload.buffer);
  const { step, best, seconds, fingerprint } = checkpoint;
  const metadata: Record<string, string> = {
    format: 'voxstill-checkpoint-1',
    position: JSON.stringify({ step, best, seconds }),
    fingerprint,
    sha256: '',
  };
  const header = { ...entries, __metadata__: metadata } as Header;
  metadata['sha256'] = await checksum(header, raw);
  const text = new TextEncoder().encode(JSON.stringify(header));
  const bytes = new Uint8Array(8 + text.length + raw.length);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(text.length), true);
  bytes.set(text, 8);
  bytes.set(raw, 8 + text.length);
  return bytes;
}

function corrupt(path: string, reason: string): never {
  throw new InputError(
    'E_CHECKPOINT_CORRUPT',
    `${path}: ${reason}. Remove the folder of this arm and continue with --resume, which trains the arm from its first step`,
  );
}

/**
 * Reads a checkpoint back.
 * @throws {InputError} E_CHECKPOINT_CORRUPT if the file is damaged, E_CHECKPOINT_OTHER if it belongs to another recipe or network
 */
export async function decodeCheckpoint(
  bytes: Uint8Array,
  options: { readonly path: string; readonly specs: readonly ParameterSpec[]; readonly fingerprint: string },
): Promise<Checkpoint> {
  const { path, specs, fingerprint } = options;
  if (bytes.length < 8) corrupt(path, 'it is too short to be a checkpoint');
  const length = Number(new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(0, true));
  if (length > bytes.length - 8) corrupt(path, 'its header is cut off');
  let header: Header;
  try {
    header = JSON.parse(new TextDecoder().decode(bytes.subarray(8, 8 + length)));
  } catch {
    corrupt(path, 'its header is not JSON');
  }
  const metadata = header.__metadata__ ?? corrupt(path, 'it has no metadata');
  // a copy of its own, so that its buffer starts at the payload whatever kind of view `bytes` is
  const raw = new Uint8Array(bytes.subarray(8 + length));
  if ((await checksum(header, raw)) !== metadata['sha256']) corrupt(path, 'its checksum does not match');
  if (metadata['fingerprint'] !== fingerprint) {
    throw new InputError(
      'E_CHECKPOINT_OTHER',
      `${path} was written with other data or settings. Resume with the same recipe, or start in another folder`,
    );
  }
  const values = (name: string): Float32Array => {
    const [start, end] = header[name]?.data_offsets ?? corrupt(path, `it lacks ${name}`);
    return new Float32Array(raw.buffer, start, (end - start) / Float32Array.BYTES_PER_ELEMENT);
  };
  const parts = specs.map(({ name }) => values(`parameters.${name}`));
  const theta = new Float32Array(parts.reduce((sum, part) => sum + part.length, 0));
  let offset = 0;
  for (const part of parts) {
    theta.set(part, offset);
    offset += part.length;
  }
  const state = Object.fromEntries(
    Object.keys(header)
      .filter(name => name.startsWith('state.'))
      .map(name => [name.slice('state.'.length), values(name).slice()]),
  );
  const position = JSON.parse(metadata['position'] ?? '{}') as Pick<Checkpoint, 'step' | 'best' | 'seconds'>;
  return { ...position, theta, state, fingerprint };
}
