/** Dense tensors, the inputs and outputs of an engine: a typed array in row-major order and its shape. */
import { ShapeError } from './errors.ts';
import { elementCount, formatShape, type Shape } from './shape.ts';

/** Element types with their ONNX names. */
export type DataType = 'float32' | 'int32' | 'int64' | 'bool' | 'uint8' | 'int8';

/** The typed array that carries each element type; bool is one byte per element, as in ONNX. */
export interface TypedArrays {
  readonly float32: Float32Array;
  readonly int32: Int32Array;
  readonly int64: BigInt64Array;
  readonly bool: Uint8Array;
  readonly uint8: Uint8Array;
  readonly int8: Int8Array;
}

export interface Tensor<T extends DataType = DataType> {
  readonly dataType: T;
  readonly shape: Shape;
  readonly data: TypedArrays[T];
}

/**
 * A tensor over existing memory; nothing is copied.
 * @throws {ShapeError} if the array's length is not the shape's element count
 */
export function tensor<T extends DataType>(dataType: T, data: TypedArrays[T], shape: Shape): Tensor<T> {
  if (data.length !== elementCount(shape)) {
    throw new ShapeError(
      `a tensor of shape ${formatShape(shape)} needs ${elementCount(shape)} elements, got ${data.length}`,
    );
  }
  return { dataType, shape, data };
}
