/**
 * A checkpoint as one safetensors file. Parameters are entries by name (so other programs can read them), optimizer
 * state is flat. The metadata carry the step, what is needed for an exact resume, and a checksum of all the rest.
 */
import { InputError } from '../core/errors.ts';
import {
  decodeSafetensors,
  encodeSafetensors,
  type Safetensors,
  SafetensorsProblem,
  type Sha256,
  type StoredTensor,
} from '../core/safetensors.ts';
import { elementCount, type Shape } from '../core/shape.ts';
import type { ParameterSpec } from '../nn/parameters.ts';

export interface Checkpoint {
  /** Number of finished steps. */
  readonly step: number;
  readonly theta: Float32Array;
  /** Optimizer state by name. */
  readonly state: Readonly<Record<string, Float32Array>>;
  /** Best validation so far. */
  readonly best: { readonly step: number; readonly dice: number } | null;
  /** Seconds of training so far. */
  readonly seconds: number;
  /** Fingerprint of everything that the training depends on; a resume with another one is refused. */
  readonly fingerprint: string;
}

const FORMAT = 'voxstill-checkpoint-1';

function stored(name: string, shape: Shape, values: Float32Array): StoredTensor {
  return { name, dtype: 'F32', shape, data: new Uint8Array(values.buffer, values.byteOffset, values.byteLength) };
}

function numbersOf({ data }: StoredTensor): Float32Array {
  return new Float32Array(data.buffer, data.byteOffset, data.length / Float32Array.BYTES_PER_ELEMENT);
}

/** The checkpoint as bytes. */
export function encodeCheckpoint(checkpoint: Checkpoint, specs: readonly ParameterSpec[], sha256: Sha256): Uint8Array {
  const { theta, state, step, best, seconds, fingerprint } = checkpoint;
  let end = 0;
  const parameters = specs.map(({ name, shape }) => {
    const start = end;
    end += elementCount(shape);
    return stored(`parameters.${name}`, shape, theta.subarray(start, end));
  });
  const moments = Object.entries(state).map(([name, values]) => stored(`state.${name}`, [values.length], values));
  const metadata = { format: FORMAT, position: JSON.stringify({ step, best, seconds }), fingerprint };
  return encodeSafetensors({ tensors: [...parameters, ...moments], metadata }, sha256);
}

function corrupt(path: string, reason: string): never {
  throw new InputError(
    'E_CHECKPOINT_CORRUPT',
    `${path}: ${reason}. Remove the folder of this arm and continue with --resume, which trains the arm from its first step`,
  );
}

function readTensors(bytes: Uint8Array, path: string, sha256: Sha256): Safetensors {
  try {
    return decodeSafetensors(bytes, sha256);
  } catch (cause) {
    if (cause instanceof SafetensorsProblem) corrupt(path, cause.message);
    throw cause;
  }
}

/**
 * Reads a checkpoint back.
 * @throws {InputError} E_CHECKPOINT_CORRUPT if the file is damaged, E_CHECKPOINT_OTHER if it belongs to another recipe
 * or network
 */
export function decodeCheckpoint(
  bytes: Uint8Array,
  options: {
    readonly path: string;
    readonly specs: readonly ParameterSpec[];
    readonly fingerprint: string;
    readonly sha256: Sha256;
  },
): Checkpoint {
  const { path, specs, fingerprint, sha256 } = options;
  const { tensors, metadata } = readTensors(bytes, path, sha256);
  if (metadata['format'] !== FORMAT) corrupt(path, `its format is ${metadata['format']}, not ${FORMAT}`);
  if (metadata['fingerprint'] !== fingerprint) {
    throw new InputError(
      'E_CHECKPOINT_OTHER',
      `${path} was written with other data or settings. Resume with the same recipe, or start in another folder`,
    );
  }
  const byName = new Map(tensors.map(one => [one.name, one]));
  const parts = specs.map(({ name }) =>
    numbersOf(byName.get(`parameters.${name}`) ?? corrupt(path, `it lacks parameters.${name}`)),
  );
  const theta = new Float32Array(parts.reduce((sum, part) => sum + part.length, 0));
  let offset = 0;
  for (const part of parts) {
    theta.set(part, offset);
    offset += part.length;
  }
  const state = Object.fromEntries(
    tensors
      .filter(({ name }) => name.startsWith('state.'))
      .map(one => [one.name.slice('state.'.length), numbersOf(one)]),
  );
  const position = JSON.parse(metadata['position'] ?? '{}') as Pick<Checkpoint, 'step' | 'best' | 'seconds'>;
  return { ...position, theta, state, fingerprint };
}
