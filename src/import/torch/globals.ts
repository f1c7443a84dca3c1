/**
 * The names that a PyTorch checkpoint may call, and what stands for each here. They are the ones that tensors,
 * dictionaries, sizes, devices and NumPy's numbers need; everything else is refused by its name. Python's own functions
 * of these names are never run.
 * Source: torch/_utils.py and torch/storage.py of PyTorch 2.15, numpy/_core/multiarray.py of NumPy 2.4.
 */

import { InputError } from '../../core/errors.ts';
import { lookUp } from '../../core/look-up.ts';

/** A name that is known. */
export interface Global {
  /** Module and name, `torch.FloatStorage`. */
  readonly global: string;
}

/** How the numbers of a storage are written. */
export type StorageType =
  | 'float64'
  | 'float32'
  | 'float16'
  | 'bfloat16'
  | 'int64'
  | 'int32'
  | 'int16'
  | 'int8'
  | 'uint8'
  | 'bool';

/** Numbers of a file of the archive; several tensors may share it. */
export interface StorageRef {
  readonly storage: string;
  readonly type: StorageType;
  /** Numbers. */
  readonly length: number;
}

/** A tensor whose numbers nobody has read yet. */
export interface TensorRef {
  readonly of: StorageRef;
  /** Offset of its first number in the storage. */
  readonly offset: number;
  readonly shape: readonly number[];
  /** In numbers. */
  readonly strides: readonly number[];
}

/** NumPy's type of a number, which its state completes. */
export class NumpyType {
  readonly code: string;
  constructor(code: string) {
    this.code = code;
  }
}

/** What a pickle may hold. Tuples are frozen arrays. */
export type PickleValue =
  | null
  | boolean
  | number
  | string
  | Uint8Array
  | PickleValue[]
  | Map<string | number, PickleValue>
  | StorageRef
  | TensorRef
  | NumpyType
  | Global;

type Fail = (reason: string) => never;
type Call = (operands: readonly PickleValue[], fail: Fail) => PickleValue;

/** Whether a value is a tensor. */
export function isTensorRef(value: PickleValue | undefined): value is TensorRef {
  return typeof value === 'object' && value !== null && 'strides' in value;
}

function isStorageRef(value: PickleValue | undefined): value is StorageRef {
  return typeof value === 'object' && value !== null && 'storage' in value;
}

/** Whether a value is a name. */
export function isGlobal(value: PickleValue | undefined): value is Global {
  return typeof value === 'object' && value !== null && 'global' in value;
}

const STORAGE_TYPES: Readonly<Record<string, StorageType>> = {
  'torch.DoubleStorage': 'float64',
  'torch.FloatStorage': 'float32',
  'torch.HalfStorage': 'float16',
  'torch.BFloat16Storage': 'bfloat16',
  'torch.LongStorage': 'int64',
  'torch.IntStorage': 'int32',
  'torch.ShortStorage': 'int16',
  'torch.CharStorage': 'int8',
  'torch.ByteStorage': 'uint8',
  'torch.BoolStorage': 'bool',
};

/** The type of numbers that a storage's class stands for; undefined for any other name. */
export function storageType(value: PickleValue | undefined): StorageType | undefined {
  return isGlobal(value) ? lookUp(STORAGE_TYPES, value.global) : undefined;
}

function sizes(value: PickleValue | undefined, fail: Fail): readonly number[] {
  const isCount = (item: PickleValue): boolean => typeof item === 'number' && Number.isSafeInteger(item) && item >= 0;
  return Array.isArray(value) && value.every(isCount) ? (value as number[]) : fail('a tensor has no proper size');
}

const rebuildTensor: Call = ([storage, offset, shape, strides, , , metadata], fail) => {
  if (!isStorageRef(storage) || typeof offset !== 'number') return fail('a tensor has no storage');
  if (metadata instanceof Map && metadata.size > 0) return fail('a tensor is a view (conjugate or negative)');
  const [size, steps] = [sizes(shape, fail), sizes(strides, fail)];
  if (size.length !== steps.length) return fail('a tensor has no proper size');
  return { of: storage, offset, shape: size, strides: steps };
};

/** A number of NumPy from its bytes. */
const numpyScalar: Call = ([type, bytes], fail) => {
  if (!(type instanceof NumpyType) || !(bytes instanceof Uint8Array)) return fail('a number of NumPy is damaged');
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const readers: Readonly<Record<string, (() => number | boolean) | undefined>> = {
    f8: () => view.getFloat64(0, true),
    f4: () => view.getFloat32(0, true),
    i8: () => Number(view.getBigInt64(0, true)),
    i4: () => view.getInt32(0, true),
    i2: () => view.getInt16(0, true),
    i1: () => view.getInt8(0),
    u1: () => view.getUint8(0),
    b1: () => view.getUint8(0) !== 0,
  };
  const reader = Object.hasOwn(readers, type.code) ? readers[type.code] : undefined;
  if (reader === undefined || bytes.length !== Number(type.code.slice(1))) {
    return fail(`a number of NumPy is of type ${type.code}`);
  }
  return reader();
};

/** A container, empty or with what is in its operand. */
const container =
  (make: () => PickleValue): Call =>
  (operands, fail) =>
    operands.length === 0 || operands.every(operand => isGlobal(operand) || operand === null)
      ? make()
      : fail('a container is made from another');

const list: Call = ([items = []], fail) => (Array.isArray(items) ? [...items] : fail('a list is made of no list'));

const latin1: Call = ([text, encoding], fail) => {
  if (typeof text !== 'string' || encoding !== 'latin1') return fail('a text is encoded otherwise than as latin1');
  return Uint8Array.from(text, letter => letter.codePointAt(0) ?? 0);
};

const CALLS: Readonly<Record<string, Call>> = {
  'collections.OrderedDict': container(() => new Map()),
  'collections.defaultdict': container(() => new Map()),
  'torch._utils._rebuild_tensor_v2': rebuildTensor,
  // a parameter is its tensor
  'torch._utils._rebuild_parameter': ([tensor], fail) =>
    isTensorRef(tensor) ? tensor : fail('a parameter has no tensor'),
  'torch.Size': list,
  'torch.device': operands => operands.map(String).join(':'),
  'numpy._core.multiarray.scalar': numpyScalar,
  'numpy.core.multiarray.scalar': numpyScalar,
  'numpy.dtype': ([code], fail) => (typeof code === 'string' ? new NumpyType(code) : fail('a type has no name')),
  '_codecs.encode': latin1,
  '__builtin__.set': list,
  '__builtin__.list': list,
  'builtins.set': list,
  'builtins.list': list,
};

/**
 * A name of the list.
 * @param path for the message
 * @throws {InputError} E_IMPORT_GLOBAL for any other
 */
export function resolveGlobal(module: string, name: string, path: string): Global {
  const global = `${module}.${name}`;
  if (Object.hasOwn(CALLS, global) || Object.hasOwn(STORAGE_TYPES, global)) return { global };
  throw new InputError(
    'E_IMPORT_GLOBAL',
    `${path} asks for ${JSON.stringify(global.slice(0, 200))}, which no checkpoint of tensors needs; nothing of it was run. Where you trust ` +
      'the file, load it in Python and save its tensors alone: torch.save(model.state_dict(), "weights.pt").',
  );
}

/** What stands here for a call of a name of the list. */
export function callGlobal({ global }: Global, operands: readonly PickleValue[], fail: Fail): PickleValue {
  const call = lookUp(CALLS, global);
  return call === undefined ? fail(`${global} is called`) : call(operands, fail);
}
