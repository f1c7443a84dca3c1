/**
 * The closed list of operators and their attributes. Operators that ONNX has keep its names and meanings; the few
 * others are marked. Tensors are row-major; images are [N, C, D, H, W] and convolution kernels [Co, Ci / group, kD, kH,
 * kW] (PyTorch's layout). Reductions always keep their axes, so every value of an image graph keeps rank 5.
 * Source: https://onnx.ai/onnx/operators, opset 17.
 */

import type { Shape, Triple } from '../core/shape.ts';
import type { DataType, TypedArrays } from '../core/tensor.ts';

/** Zero planes before each axis, then after each axis: depth, height, width, depth, height, width. */
export type Pads = readonly [number, number, number, number, number, number];

/** Geometry of a convolution, shared by the operator and both of its gradients. */
export interface ConvAttributes {
  readonly kernel: Triple;
  readonly strides: Triple;
  readonly dilations: Triple;
  readonly pads: Pads;
  readonly group: number;
  /**
   * The input is first upsampled by these whole factors (nearest), without ever being stored; [1, 1, 1] for a plain
   * convolution.
   */
  readonly upsample: Triple;
}

type None = Readonly<Record<never, never>>;
interface Axes {
  readonly axes: readonly number[];
}
interface Window {
  readonly kernel: Triple;
}

/** Attributes by operator name; the keys are the whole language. */
export interface OpAttributes {
  // leaves
  Input: { readonly name: string };
  /** The name is that of a parameter, under which a file has it. */
  Constant: { readonly data: TypedArrays[DataType]; readonly name?: string };
  // elementwise, with broadcasting
  Add: None;
  Sub: None;
  Mul: None;
  Div: None;
  Max: None;
  Min: None;
  Neg: None;
  Abs: None;
  Sign: None;
  Sqrt: None;
  Exp: None;
  Log: None;
  Sigmoid: None;
  Tanh: None;
  /** 2 / sqrt(pi) times the integral of e^(-t^2) from 0 to x */
  Erf: None;
  /** log(1 + e^x) */
  Softplus: None;
  Relu: None;
  LeakyRelu: { readonly alpha: number };
  /** x where x > 0, alpha (e^x - 1) elsewhere. */
  Elu: { readonly alpha: number };
  /** (x, slope): x where x > 0, slope * x elsewhere. */
  PRelu: None;
  /**
   * Not ONNX. (y, dy): dy where y > 0, alpha * dy elsewhere; the gradient of Relu and LeakyRelu from their own output.
   */
  LeakyReluGradient: { readonly alpha: number };
  Clip: { readonly min: number; readonly max: number };
  Equal: None;
  Greater: None;
  Where: None;
  Cast: { readonly to: DataType };
  /** Not ONNX. The operand itself, which is a constant to derivatives. */
  Detach: None;
  // reductions, axes kept
  ReduceSum: Axes;
  ReduceMean: Axes;
  ReduceMax: Axes;
  LogSoftmax: { readonly axis: number };
  // movement
  Reshape: { readonly shape: Shape };
  Transpose: { readonly perm: readonly number[] };
  Slice: { readonly axis: number; readonly start: number; readonly end: number };
  /** Zeros before each axis, then after each axis. */
  Pad: { readonly pads: readonly number[] };
  Concat: { readonly axis: number };
  Expand: { readonly shape: Shape };
  // linear
  MatMul: None;
  /** (x, w) without bias. */
  Conv: ConvAttributes;
  /**
   * (y, w): the adjoint of Conv with the same attributes, giving `size` spatial voxels; also a transposed convolution
   * layer.
   */
  ConvTranspose: ConvAttributes & { readonly size: Triple };
  /** Not ONNX. (x, dy): gradient of Conv to its kernel. */
  ConvKernelGradient: ConvAttributes;
  // windows: stride equals the kernel, sizes divide exactly
  MaxPool: Window;
  /** Not ONNX. (x, y, dy): dy shared out equally among the maxima of its window. */
  MaxPoolGradient: Window;
  AveragePool: Window;
  /** Nearest upsampling by whole factors over the spatial axes. */
  Resize: { readonly scales: Triple };
  // normalisation
  /** (x, scale [C], bias [C]) */
  InstanceNormalization: { readonly epsilon: number };
}

export type OpName = keyof OpAttributes;

/** Elementwise operators of one operand with nothing to set. */
export type UnaryOp = Extract<
  OpName,
  'Neg' | 'Abs' | 'Sign' | 'Sqrt' | 'Exp' | 'Log' | 'Sigmoid' | 'Tanh' | 'Erf' | 'Softplus' | 'Relu'
>;

/** Elementwise operators of two operands of one type, which broadcast. */
export type BinaryOp = Extract<OpName, 'Add' | 'Sub' | 'Mul' | 'Div' | 'Max' | 'Min'>;
