/** What every build of ONNX Runtime shares: a loaded model as a {@link Session}, with tensors carried in and out unchanged. */
import type { InferenceSession, Tensor as OrtTensor } from 'onnxruntime-web/wasm';
import { InputError, WorkError } from '../core/errors.ts';
import { type DataType, type Tensor, tensor } from '../core/tensor.ts';
import type { Session } from '../runtime/engine.ts';

/** The quietest log level: warnings concern ONNX Runtime itself, and errors reach the caller as exceptions. */
const LOG_FATAL = 4;

/** Text of whatever was thrown. */
function messageOf(error: unknown): string {
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

/** A session of ONNX Runtime behind our interface; `make` is the build's own tensor constructor. */
function wrapSession(make: (feed: Tensor) => OrtTensor, session: InferenceSession): Session {
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

/** What of a build of ONNX Runtime is needed to run models. */
interface Runtime {
  readonly InferenceSession: {
    create(model: Uint8Array, options: InferenceSession.SessionOptions): Promise<InferenceSession>;
  };
  readonly Tensor: new (type: Tensor['dataType'], data: Tensor['data'], dims: readonly number[]) => OrtTensor;
}

/**
 * Loads models into a build of ONNX Runtime. Nodes run one after the other, since parallel execution was measured 2.5 times slower on
 * training steps; without memory patterns, since they cost half as much memory again.
 * @returns a function that throws InputError E_MODEL_LOAD for bytes that are no model; `run` of its sessions throws WorkError E_MODEL_RUN, or
 * InputError E_MODEL_TYPE for an output that we cannot carry
 */
export function sessionLoader(
  runtime: Runtime,
  options: InferenceSession.SessionOptions,
): (model: Uint8Array) => Promise<Session> {
  const shared = { executionMode: 'sequential', enableMemPattern: false, logSeverityLevel: LOG_FATAL } as const;
  return async model => {
    try {
      const session = await runtime.InferenceSession.create(model, { ...shared, ...options });
      return wrapSession(({ dataType, data, shape }) => new runtime.Tensor(dataType, data, shape), session);
    } catch (cause) {
      const reason = messageOf(cause);
      throw new InputError('E_MODEL_LOAD', `ONNX Runtime cannot load the model (${model.length} bytes): ${reason}`, {
        cause,
      });
    }
  };
}
