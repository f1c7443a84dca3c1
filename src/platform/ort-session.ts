/** What every build of ONNX Runtime shares: a loaded model as a {@link Session}, with tensors carried in and out unchanged. */
import type { InferenceSession, Tensor as OrtTensor } from 'onnxruntime-web/wasm';
import { InputError, WorkError } from '../core/errors.ts';
import { type DataType, type Tensor, tensor } from '../core/tensor.ts';
import type { Session } from '../runtime/engine.ts';

/** The quietest log level: warnings concern ONNX Runtime itself, and errors reach the caller as exceptions. */
export const LOG_FATAL = 4;

/** Text of whatever was thrown. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

function toTensor(name: string, value: OrtTensor): Tensor {
  const { type, data, dims } = value;
  const is = (dataType: DataType): boolean => type === dataType;
  if (is('float32') && data instanceof Float32Array) return tensor('float32', data, dims);
  if (is('int32') && data instanceof Int32Array) return tensor('int32', data, dims);
  if (is('int64') && data instanceof BigInt64Array) return tensor('int64', data, dims);
  if (is('bool') && data instanceof Uint8Array) return tensor('bool', data, dims);
  if (is('uint8') && data instanceof Uint8Array) return tensor('uint8', data, dims);
  throw new InputError('E_MODEL_TYPE', `output "${name}" of the model has element type ${type}; it must be float32.`);
}

/**
 * A session of ONNX Runtime behind our interface.
 * @param make the build's own tensor constructor
 * @returns a session whose `run` throws WorkError E_MODEL_RUN, or InputError E_MODEL_TYPE for an output that we cannot carry
 */
export function wrapSession(make: (feed: Tensor) => OrtTensor, session: InferenceSession): Session {
  return {
    inputNames: session.inputNames,
    outputNames: session.outputNames,
    run: async (feeds, outputs) => {
      const converted = Object.fromEntries(Object.entries(feeds).map(([name, feed]) => [name, make(feed)]));
      try {
        const results = await session.run(converted, outputs ?? session.outputNames);
        return Object.fromEntries(Object.entries(results).map(([name, value]) => [name, toTensor(name, value)]));
      } catch (cause) {
        if (cause instanceof InputError) throw cause;
        throw new WorkError('E_MODEL_RUN', `ONNX Runtime could not run the model: ${messageOf(cause)}`, { cause });
      }
    },
    dispose: () => session.release(),
  };
}
