/**
 * A file of torch.save as plain values, its tensors decoded one by one when they are asked for. The file is a zip
 * archive with a pickle (`data.pkl`), which describes everything, and one entry of raw numbers per storage (`data/0`,
 * `data/1`, ...).
 * Source: torch/serialization.py of PyTorch 2.15.
 */
import { InputError } from '../../core/errors.ts';
import { fromFloat16 } from '../../core/float16.ts';
import { elementCount } from '../../core/shape.ts';
import { type Archive, isZip, openArchive } from '../zip.ts';
import { type PickleValue, type StorageRef, type StorageType, storageType, type TensorRef } from './globals.ts';
import { readPickle } from './pickle.ts';

/** A checkpoint that is open. */
export interface TorchCheckpoint {
  /** What was saved. */
  readonly root: PickleValue;
  /**
   * The numbers of a tensor, row-major.
   * @throws {InputError} E_IMPORT_CORRUPT if its storage is missing or too short
   */
  read(tensor: TensorRef): Float32Array;
}

const LEGACY_MAGIC = [0x80, 0x02, 0x8a, 0x0a, 0x6c, 0xfc, 0x9c, 0x46, 0xf9, 0x20];

/** Bytes of a number. */
const WIDTHS: Readonly<Record<StorageType, number>> = {
  float64: 8,
  float32: 4,
  float16: 2,
  bfloat16: 2,
  int64: 8,
  int32: 4,
  int16: 2,
  int8: 1,
  uint8: 1,
  bool: 1,
};

/** Raw little-endian numbers as float32. */
function decode(bytes: Uint8Array, type: StorageType): Float32Array {
  // a copy of its own starts where every typed array may
  const { buffer } = new Uint8Array(bytes);
  switch (type) {
    case 'float32':
      return new Float32Array(buffer);
    case 'float64':
      return Float32Array.from(new Float64Array(buffer));
    case 'float16':
      return fromFloat16(new Uint16Array(buffer));
    case 'bfloat16':
      return new Float32Array(Uint32Array.from(new Uint16Array(buffer), half => half << 16).buffer);
    case 'int64':
      return Float32Array.from(new BigInt64Array(buffer), Number);
    case 'int32':
      return Float32Array.from(new Int32Array(buffer));
    case 'int16':
      return Float32Array.from(new Int16Array(buffer));
    case 'int8':
      return Float32Array.from(new Int8Array(buffer));
    case 'uint8':
    case 'bool':
      return Float32Array.from(new Uint8Array(buffer));
    default:
      return type satisfies never;
  }
}

/** The numbers of a view of a storage, in the order of its shape; the storage itself where that is all of it. */
function gather(storage: Float32Array, { offset, shape, strides }: TensorRef): Float32Array {
  const count = elementCount(shape);
  const dense = shape.map((_, axis) => elementCount(shape.slice(axis + 1)));
  if (shape.every((size, axis) => size === 1 || strides[axis] === dense[axis])) {
    return count === storage.length ? storage : storage.slice(offset, offset + count);
  }
  const result = new Float32Array(count);
  const index = shape.map(() => 0);
  let at = offset;
  for (let to = 0; to < count; to++) {
    result[to] = storage[at]!;
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      at += strides[axis]!;
      if (++index[axis]! < shape[axis]!) break;
      at -= shape[axis]! * strides[axis]!;
      index[axis] = 0;
    }
  }
  return result;
}

function kindProblem(bytes: Uint8Array): string | undefined {
  if (LEGACY_MAGIC.every((byte, index) => bytes[index] === byte)) {
    return 'is in the format before PyTorch 1.6. Load it in Python and save it again with torch.save';
  }
  return isZip(bytes) ? undefined : 'is no file of torch.save, which is a zip archive';
}

/** The name of the entry with the pickle, and the folder that it is in. */
function rootOf(archive: Archive, path: string): string {
  const pickles = archive.names.filter(name => /^[^/]+\/data\.pkl$/.test(name));
  const inside = (file: string): boolean => archive.names.some(name => name.endsWith(file));
  if (inside('/constants.pkl')) {
    throw new InputError(
      'E_IMPORT_KIND',
      `${path} is a TorchScript program, which is code. Save the weights: torch.save(model.state_dict(), "weights.pt").`,
    );
  }
  if (pickles.length === 1) return (pickles[0] as string).slice(0, -'data.pkl'.length);
  const what = inside('/models/model.json') ? 'an exported program (.pt2)' : 'a zip archive without a data.pkl';
  throw new InputError(
    'E_IMPORT_KIND',
    `${path} is ${what}, no checkpoint. Save the weights: torch.save(model.state_dict(), "weights.pt").`,
  );
}

/**
 * Opens a file of torch.save.
 * @param path for messages
 * @throws {InputError} E_IMPORT_KIND if it is of another kind; E_IMPORT_GLOBAL if it names what no tensor needs;
 * E_IMPORT_CORRUPT
 */
export function openCheckpoint(bytes: Uint8Array, path: string): TorchCheckpoint {
  const problem = kindProblem(bytes);
  if (problem !== undefined) throw new InputError('E_IMPORT_KIND', `${path} ${problem}.`);
  const archive = openArchive(bytes, path);
  const root = rootOf(archive, path);
  const corrupt = (reason: string): never => {
    throw new InputError('E_IMPORT_CORRUPT', `${path} is no readable checkpoint: ${reason}.`);
  };
  const order = `${root}byteorder`;
  if (archive.names.includes(order) && new TextDecoder().decode(archive.read(order)).trim() !== 'little') {
    corrupt('its numbers are not little-endian');
  }
  const storageOf = ([tag, kind, key, , length]: readonly PickleValue[]): StorageRef => {
    const type = storageType(kind);
    const isWhole = typeof length === 'number' && Number.isSafeInteger(length) && length >= 0;
    if (tag !== 'storage' || type === undefined || typeof key !== 'string' || !isWhole) {
      return corrupt('a storage is not described as PyTorch describes it');
    }
    return { storage: key, type, length };
  };
  // tensors share storages, and each is decoded once
  const decoded = new Map<string, Float32Array>();
  const numbersOf = ({ storage, type, length }: StorageRef): Float32Array => {
    const key = `${storage} ${type}`;
    const known = decoded.get(key);
    if (known !== undefined) return known;
    const raw = archive.read(`${root}data/${storage}`);
    if (raw.length !== length * WIDTHS[type]) {
      corrupt(`its entry data/${storage} has ${raw.length} bytes, ${length} numbers of ${type} are said to be there`);
    }
    const numbers = decode(raw, type);
    decoded.set(key, numbers);
    return numbers;
  };
  const read = (tensor: TensorRef): Float32Array => {
    const { of, offset, shape, strides } = tensor;
    const last = shape.reduce((sum, size, axis) => sum + (size - 1) * (strides[axis] as number), offset);
    const isEmpty = shape.includes(0);
    // an expanded view is larger than what it shows: nobody trains one, and its size is whatever the file says
    if (!isEmpty && (last >= of.length || offset < 0 || elementCount(shape) > of.length)) {
      corrupt(`a tensor of ${shape.join('x')} reaches beyond the ${of.length} numbers of its storage`);
    }
    return isEmpty ? new Float32Array(0) : gather(numbersOf(of), tensor);
  };
  return { root: readPickle(archive.read(`${root}data.pkl`), path, storageOf), read };
}
