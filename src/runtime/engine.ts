/** The interface to an ONNX runtime: load a model, run it, dispose it. Implementations are in platform/. */
import type { Tensor } from '../core/tensor.ts';
import type { DeviceKind } from './device.ts';

/** A loaded model. Only one run at a time is allowed. */
export interface Session {
  readonly inputNames: readonly string[];
  readonly outputNames: readonly string[];
  /** Runs the model once; asks for all outputs unless names are given. */
  run(feeds: Readonly<Record<string, Tensor>>, outputs?: readonly string[]): Promise<Record<string, Tensor>>;
  dispose(): Promise<void>;
}

export interface Engine {
  /** Description for provenance, for example `onnxruntime-node 1.30.0 cpu`. */
  readonly name: string;
  /** What computes. */
  readonly device: DeviceKind;
  /** Channel block of the runtime's blocked kernels (8 or 16), or 0 if only standard operators may be used. */
  readonly block: number;
  /** Whether convolutions are to be lowered as products of matrices, as graphics cards need. */
  readonly folded?: boolean;
  /**
   * Whether, without such kernels, its 2D convolutions are faster than its 3D ones, so that models run plane by plane;
   * false if not given.
   */
  readonly planes?: boolean;
  /** Loads an encoded ONNX model. */
  load(model: Uint8Array): Promise<Session>;
}
