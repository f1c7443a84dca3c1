/** What the floors above need of an ONNX runtime: load a model, run it, let it go. Implementations live in platform/. */
import type { Tensor } from '../core/tensor.ts';

/** A model that is loaded and ready. Not safe for concurrent runs. */
export interface Session {
  readonly inputNames: readonly string[];
  readonly outputNames: readonly string[];
  /** Runs the model once; asks for all outputs unless names are given. */
  run(feeds: Readonly<Record<string, Tensor>>, outputs?: readonly string[]): Promise<Record<string, Tensor>>;
  dispose(): Promise<void>;
}

export interface Engine {
  /** For provenance, for example `onnxruntime-node 1.30.0 cpu`. */
  readonly name: string;
  /** Channel block of the runtime's blocked kernels (8 or 16), or 0 where only standard operators may be used. */
  readonly block: number;
  /** Loads an encoded ONNX model. */
  load(model: Uint8Array): Promise<Session>;
}
