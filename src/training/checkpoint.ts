/**
 * A checkpoint as one safetensors file. Parameters and their moving average are entries by name (so other programs can
 * read them), optimizer state is flat. The metadata carry the step, what is needed for an exact resume, and a checksum
 * of all the rest.
 */
import { z } from 'zod';
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
import { parseJsonIf } from '../runtime/json-file.ts';
import type { Plateau } from './plateau.ts';

export interface Checkpoint {
  /** Number of finished steps. */
  readonly step: number;
  readonly theta: Float32Array;
  /** Moving average of the parameters, if the training keeps one. */
  readonly average?: Float32Array;
  /** Optimizer state by name. */
  readonly state: Readonly<Record<string, Float32Array>>;
  /** Best validation so far. */
  readonly best: { readonly step: number; readonly dice: number } | null;
  /** How long the validation has brought nothing better, if the training watches that. */
  readonly plateau?: Plateau | undefined;
  /** Seconds of training so far. */
  readonly seconds: number;
  /** Fingerprint of everything that the training depends on; a resume with another one is refused. */
  readonly fingerprint: string;
  /** SHA-256 of the history up to this step; checkpoints of earlier versions have none. */
  readonly historySha256?: string | undefined;
}

const positionSchema = z.object({
  step: z.int().min(0),
  // JSON has no NaN, which a Dice of no case is
  best: z
    .object({
      step: z.int().min(0),
      dice: z
        .number()
        .nullable()
        .transform(dice => dice ?? Number.NaN),
    })
    .nullable(),
  plateau: z
    .object({ sinceBest: z.int().min(0), sinceReduction: z.int().min(0), reductions: z.int().min(0) })
    .optional(),
  seconds: z.number(),
  historySha256: z.string().optional(),
});

/** Where a training stands at a checkpoint. */
type Position = Pick<Checkpoint, 'step' | 'best' | 'plateau' | 'seconds' | 'historySha256'>;

/** The parameters that are validated and exported: their moving average, if there is one. */
export function keptParameters({ theta, average }: Pick<Checkpoint, 'theta' | 'average'>): Float32Array {
  return average ?? theta;
}

const FORMAT = 'voxstill-checkpoint-1';
/** Beginnings of the names of tensors. */
const [PARAMETERS, AVERAGES] = ['parameters.', 'average.'] as const;

function stored(name: string, shape: Shape, values: Float32Array): StoredTensor {
  return { name, dtype: 'F32', shape, data: new Uint8Array(values.buffer, values.byteOffset, values.byteLength) };
}

function numbersOf({ data }: StoredTensor): Float32Array {
  return new Float32Array(data.buffer, data.byteOffset, data.length / Float32Array.BYTES_PER_ELEMENT);
}

/** A vector of parameters, entry by entry. */
function storedByName(prefix: string, specs: readonly ParameterSpec[], values: Float32Array): StoredTensor[] {
  let end = 0;
  return specs.map(({ name, shape }) => {
    const start = end;
    end += elementCount(shape);
    return stored(`${prefix}${name}`, shape, values.subarray(start, end));
  });
}

/** The checkpoint as bytes. */
export function encodeCheckpoint(checkpoint: Checkpoint, specs: readonly ParameterSpec[], sha256: Sha256): Uint8Array {
  const { theta, average, state, fingerprint, step, best, plateau, seconds, historySha256 } = checkpoint;
  const position = { step, best, plateau, seconds, historySha256 } satisfies Position;
  const parameters = storedByName(PARAMETERS, specs, theta);
  const averages = average === undefined ? [] : storedByName(AVERAGES, specs, average);
  const moments = Object.entries(state).map(([name, values]) => stored(`state.${name}`, [values.length], values));
  const metadata = { format: FORMAT, position: JSON.stringify(position), fingerprint };
  return encodeSafetensors({ tensors: [...parameters, ...averages, ...moments], metadata }, sha256);
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

function positionOf(metadata: Safetensors['metadata']): Position | undefined {
  return parseJsonIf(String(metadata['position']), positionSchema);
}

/** Where a training stands by a checkpoint, whatever network it is of; undefined if the file is damaged. */
export function readPosition(bytes: Uint8Array, sha256: Sha256): Position | undefined {
  try {
    return positionOf(decodeSafetensors(bytes, sha256).metadata);
  } catch (error) {
    if (error instanceof SafetensorsProblem) return undefined;
    throw error;
  }
}

/**
 * The parameters of a checkpoint by name, whatever network and training it is of: their moving average, if there is
 * one.
 * @throws {SafetensorsProblem} if the file is damaged or no checkpoint
 */
export function readParameters(
  bytes: Uint8Array,
  sha256: Sha256,
): ReadonlyMap<string, { readonly shape: Shape; readonly data: Float32Array }> {
  const { tensors, metadata } = decodeSafetensors(bytes, sha256);
  if (metadata['format'] !== FORMAT) {
    throw new SafetensorsProblem(`its format is ${metadata['format']}, not ${FORMAT}`);
  }
  const prefix = tensors.some(({ name }) => name.startsWith(AVERAGES)) ? AVERAGES : PARAMETERS;
  return new Map(
    tensors
      .filter(({ name, dtype }) => name.startsWith(prefix) && dtype === 'F32')
      .map(one => [one.name.slice(prefix.length), { shape: one.shape, data: numbersOf(one) }]),
  );
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
  const position = positionOf(metadata);
  if (position === undefined) corrupt(path, 'it does not say its step');
  if (metadata['fingerprint'] !== fingerprint) {
    throw new InputError(
      'E_CHECKPOINT_OTHER',
      `${path} was written with other data or settings. Resume with the same recipe, or start in another folder`,
    );
  }
  const byName = new Map(tensors.map(one => [one.name, one]));
  const vector = (prefix: string): Float32Array => {
    const parts = specs.map(({ name }) =>
      numbersOf(byName.get(`${prefix}${name}`) ?? corrupt(path, `it lacks ${prefix}${name}`)),
    );
    const joined = new Float32Array(parts.reduce((sum, part) => sum + part.length, 0));
    let offset = 0;
    for (const part of parts) {
      joined.set(part, offset);
      offset += part.length;
    }
    return joined;
  };
  const theta = vector(PARAMETERS);
  const average = tensors.some(({ name }) => name.startsWith(AVERAGES)) && { average: vector(AVERAGES) };
  const state = Object.fromEntries(
    tensors
      .filter(({ name }) => name.startsWith('state.'))
      .map(one => [one.name.slice('state.'.length), numbersOf(one)]),
  );
  return { ...position, theta, ...average, state, fingerprint };
}
