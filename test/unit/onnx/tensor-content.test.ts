/** The values of tensors in every place where a file may have them, against numbers by hand. */
import { describe, expect, it } from 'vitest';
import type { FileTensor } from '../../../src/onnx/read-model.ts';
import { elementTypeName, tensorContent } from '../../../src/onnx/tensor-content.ts';

const empty: FileTensor = {
  name: 't',
  elementType: 1,
  shape: [2],
  raw: undefined,
  floats: [],
  ints: [],
  external: {},
};
/** Bytes that begin at an odd place of their memory, as a file of Node gives them. */
const bytes = (array: ArrayBufferView): Uint8Array => {
  const own = new Uint8Array(array.buffer);
  return Buffer.concat([Buffer.of(0), own]).subarray(1);
};

describe('tensorContent', () => {
  it.each<[string, Partial<FileTensor>, Float32Array | Float64Array]>([
    ['float32', { elementType: 1, raw: bytes(Float32Array.of(1.5, -2)) }, Float32Array.of(1.5, -2)],
    ['float16', { elementType: 10, raw: bytes(Uint16Array.of(0x3e00, 0xc000)) }, Float32Array.of(1.5, -2)],
    ['double', { elementType: 11, raw: bytes(Float64Array.of(1.5, -2)) }, Float32Array.of(1.5, -2)],
    ['int64', { elementType: 7, raw: bytes(BigInt64Array.of(-1n, 7n)) }, Float64Array.of(-1, 7)],
    ['int32', { elementType: 6, raw: bytes(Int32Array.of(-1, 7)) }, Float64Array.of(-1, 7)],
    ['int16', { elementType: 5, raw: bytes(Int16Array.of(-1, 7)) }, Float64Array.of(-1, 7)],
    ['int8', { elementType: 3, raw: bytes(Int8Array.of(-1, 7)) }, Float64Array.of(-1, 7)],
    ['uint8', { elementType: 2, raw: bytes(Uint8Array.of(255, 7)) }, Float64Array.of(255, 7)],
    ['bool', { elementType: 9, raw: bytes(Uint8Array.of(1, 0)) }, Float64Array.of(1, 0)],
  ])('reads %s from bytes', (name, given, data) => {
    expect(tensorContent({ ...empty, ...given })).toEqual({ shape: [2], data });
    expect(elementTypeName(given.elementType!)).toBe(name);
  });

  it('reads lists of numbers, float16 as its bits', () => {
    expect(tensorContent({ ...empty, floats: [1, 2] })?.data).toEqual(Float32Array.of(1, 2));
    expect(tensorContent({ ...empty, elementType: 7, ints: [-1, 2] })?.data).toEqual(Float64Array.of(-1, 2));
    expect(tensorContent({ ...empty, elementType: 10, ints: [0x3e00, 0xc000] })?.data).toEqual(
      Float32Array.of(1.5, -2),
    );
  });

  it('knows nothing of values that are elsewhere, of another type, or too few', () => {
    expect(tensorContent({ ...empty, external: { location: 'weights.bin' } })).toBeUndefined();
    expect(tensorContent({ ...empty, elementType: 8, floats: [1, 2] })).toBeUndefined();
    expect(tensorContent({ ...empty, raw: new Uint8Array(4) })).toBeUndefined();
    expect(tensorContent({ ...empty, floats: [1] })).toBeUndefined();
    expect(elementTypeName(8)).toBe('element type 8');
  });
});
