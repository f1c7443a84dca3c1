/**
 * An ONNX model as plain data, between the passes that make one and the encoder that writes it. Source: onnx.proto3, IR
 * version 8.
 */
import type { Shape } from '../core/shape.ts';
import type { DataType, Tensor } from '../core/tensor.ts';
import type { TensorType } from '../graph/infer.ts';

/** Attribute values; a lone number is an integer, `{ float }` and `{ floats }` mark real ones. */
export type OnnxAttribute =
  | number
  | string
  | readonly number[]
  | { readonly float: number }
  | { readonly floats: readonly number[] };

export interface OnnxNode {
  readonly name: string;
  readonly op: string;
  readonly domain?: string;
  /** Tensor names; an empty string is an omitted operand. */
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly attributes: Readonly<Record<string, OnnxAttribute>>;
}

/** Type of an input or output; a word in the shape is a dimension known only at run time. */
export interface OnnxValueInfo {
  readonly name: string;
  readonly dataType: DataType;
  readonly shape: readonly (number | string)[];
}

export interface OnnxInitializer extends Tensor {
  readonly name: string;
  readonly shape: Shape;
}

export interface OnnxModel {
  readonly nodes: readonly OnnxNode[];
  readonly initializers: readonly OnnxInitializer[];
  readonly inputs: readonly OnnxValueInfo[];
  readonly outputs: readonly OnnxValueInfo[];
  /** Free text by key, stored in metadata_props. */
  readonly metadata: Readonly<Record<string, string>>;
}

/** A model from the lowering, in which the type of every tensor is known. */
export interface LoweredModel extends OnnxModel {
  readonly types: ReadonlyMap<string, TensorType>;
}

/** Version of the standard operators that every model of voxstill declares. */
export const OPSET = 17;
/** ONNX Runtime's own operators over channel-blocked tensors. */
export const BLOCKED_DOMAIN = 'com.microsoft.nchwc';
/** ONNX's number of each element type. */
export const ONNX_TYPES: Readonly<Record<DataType, number>> = {
  float32: 1,
  uint8: 2,
  int8: 3,
  int32: 6,
  int64: 7,
  bool: 9,
};
