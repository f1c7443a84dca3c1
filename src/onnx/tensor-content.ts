/**
 * The values of a file's tensors, whatever their element type and the field of the file that has them: real types as
 * float32, whole numbers and truth values as float64, which holds whole numbers up to 2^53. Source: onnx.proto3,
 * TensorProto.
 */
import { fromFloat16 } from '../core/float16.ts';
import { elementCount, type Shape } from '../core/shape.ts';
import type { FileTensor } from './read-model.ts';

/** A constant tensor. */
export interface Known {
  readonly shape: Shape;
  /** Values: Float32Array for real types, Float64Array for whole numbers and truth values. */
  readonly data: Float32Array | Float64Array;
}

/** Name and bytes of each element type that can be read, by ONNX's number. */
const TYPES = {
  1: { name: 'float32', bytes: 4 },
  2: { name: 'uint8', bytes: 1 },
  3: { name: 'int8', bytes: 1 },
  4: { name: 'uint16', bytes: 2 },
  5: { name: 'int16', bytes: 2 },
  6: { name: 'int32', bytes: 4 },
  7: { name: 'int64', bytes: 8 },
  9: { name: 'bool', bytes: 1 },
  10: { name: 'float16', bytes: 2 },
  11: { name: 'double', bytes: 8 },
} as const;

type TypeNumber = keyof typeof TYPES;

/** The element type as people write it, `element type 8` for one that models have no use for. */
export function elementTypeName(number: number): string {
  return number in TYPES ? TYPES[number as TypeNumber].name : `element type ${number}`;
}

/** Whether tensors of this type can hold images or labels; 0 is one that the file does not say. */
export function isNumberType(number: number): boolean {
  return number === 0 || number in TYPES;
}

/** Whether values of this type are real numbers. */
export function isRealType(number: number): boolean {
  return number === 1 || number === 10 || number === 11;
}

function fromRaw(type: TypeNumber, raw: Uint8Array, count: number): Float32Array | Float64Array {
  const view = new DataView(raw.buffer, raw.byteOffset, raw.byteLength);
  // raw bytes may begin anywhere; slice() would copy nothing of a Buffer
  const copied = new Uint8Array(raw).buffer;
  const whole = (read: (at: number) => number): Float64Array =>
    Float64Array.from({ length: count }, (_, index) => read(index * TYPES[type].bytes));
  switch (type) {
    case 1:
      return new Float32Array(copied);
    case 10:
      return fromFloat16(new Uint16Array(copied));
    case 11:
      return Float32Array.from(new Float64Array(copied));
    case 2:
    case 9:
      return whole(at => view.getUint8(at));
    case 3:
      return whole(at => view.getInt8(at));
    case 4:
      return whole(at => view.getUint16(at, true));
    case 5:
      return whole(at => view.getInt16(at, true));
    case 6:
      return whole(at => view.getInt32(at, true));
    case 7:
      return whole(at => Number(view.getBigInt64(at, true)));
    default:
      return type satisfies never;
  }
}

/**
 * The values of a tensor; undefined where they are not in the file, of another type, or not as many as its shape says.
 */
export function tensorContent({ elementType, shape, raw, floats, ints }: FileTensor): Known | undefined {
  const count = elementCount(shape);
  if (!(elementType in TYPES)) return undefined;
  const type = elementType as TypeNumber;
  if (raw !== undefined) {
    return raw.length === count * TYPES[type].bytes ? { shape, data: fromRaw(type, raw, count) } : undefined;
  }
  const list = type === 1 || type === 11 ? floats : ints;
  if (list.length !== count) return undefined;
  if (type === 10) return { shape, data: fromFloat16(Uint16Array.from(list)) };
  return { shape, data: isRealType(type) ? Float32Array.from(list) : Float64Array.from(list) };
}
