/**
 * What every build of ONNX Runtime shares: a loaded model as a {@link Session}, with tensors carried in and out; real
 * numbers of any precision are float32 here.
 */
import type { InferenceSession, Tensor as OrtTensor } from 'onnxruntime-web/wasm';
import { InputError, WorkError } from '../core/errors.ts';
import { fromFloat16, toFloat16 } from '../core/float16.ts';
import { type DataType, type Tensor, tensor } from '../core/tensor.ts';
import type { Session } from '../runtime/engine.ts';

/** The quietest log level: warnings concern ONNX Runtime itself, and errors reach the caller as exceptions. */
const LOG_FATAL = 4;

/** Message of a thrown value. */
function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** Half-precision numbers: their bits, or in newer JavaScript engines an array of their own. */
function halves(data: unknown): Float32Array | undefined {
  if (data instanceof Uint16Array) return fromFloat16(data);
  const isHalves = ArrayBuffer.isView(data) && data.constructor.name === 'Float16Array';
  return isHalves ? fromFloat16(new Uint16Array(data.buffer, data.byteOffset, data.byteLength / 2)) : undefined;
}

/** An output: real numbers as float32, whole ones as they are or as int32. */
function toTensor(name: string, value: OrtTensor): Tensor {
  const { type, data, dims } = value;
  const is = (dataType: DataType): boolean => type === dataType;
  if (is('float32') && data instanceof Float32Array) return tensor('float32', data, dims);
  if (is('int32') && data instanceof Int32Array) return tensor('int32', data, dims);
  if (is('int64') && data instanceof BigInt64Array) return tensor('int64', data, dims);
  if (is('bool') && data instanceof Uint8Array) return tensor('bool', data, dims);
  if (is('uint8') && data instanceof Uint8Array) return tensor('uint8', data, dims);
  if (type === 'float64' && data instanceof Float64Array) return tensor('float32', Float32Array.from(data), dims);
  const half = type === 'float16' ? halves(data) : undefined;
  if (half !== undefined) return tensor('float32', half, dims);
  if (data instanceof Int8Array || data instanceof Int16Array || data instanceof Uint16Array) {
    return tensor('int32', Int32Array.from(data), dims);
  }
  throw new InputError('E_MODEL_TYPE', `output "${name}" of the model has element type ${type}; it must be float32.`);
}

/** Element types of inputs that images are rounded to, with what they hold. */
const WHOLE = {
  uint8: { make: Uint8Array, from: 0, to: 255 },
  int8: { make: Int8Array, from: -128, to: 127 },
  uint16: { make: Uint16Array, from: 0, to: 65535 },
  int16: { make: Int16Array, from: -32768, to: 32767 },
  int32: { make: Int32Array, from: -(2 ** 31), to: 2 ** 31 - 1 },
} as const;

/** Numbers that an input of another type takes, or undefined where there are none. */
function converted(name: string, values: Float32Array, type: string): unknown {
  if (type === 'float16') return toFloat16(values);
  if (type === 'float64') return Float64Array.from(values);
  if (type === 'int64') return BigInt64Array.from(values, value => BigInt(Math.round(value)));
  if (!(type in WHOLE)) return undefined;
  const { make, from, to } = WHOLE[type as keyof typeof WHOLE];
  const outside = values.find(value => !(Math.round(value) >= from && Math.round(value) <= to));
  if (outside === undefined) return new make(values.map(value => Math.round(value)));
  throw new InputError(
    'E_MODEL_INPUT',
    `input "${name}" of the model is ${type}, which holds ${from} to ${to}, but the image has ${outside}. Correct normalize: a model that ` +
      'takes whole numbers mostly takes the intensities as they are (none).',
  );
}

/**
 * Wraps a session of ONNX Runtime in the {@link Session} interface; float32 feeds become what the model's inputs are.
 */
function wrapSession(make: Runtime['Tensor'], session: InferenceSession, afterRun: AfterRun | undefined): Session {
  let runs = 0;
  const types = new Map(session.inputMetadata.map(info => [info.name, info.isTensor ? info.type : 'float32']));
  const feedOf = (name: string, { dataType, data, shape }: Tensor): OrtTensor => {
    const type = types.get(name) ?? dataType;
    const other = data instanceof Float32Array && type !== dataType ? converted(name, data, type) : undefined;
    return other === undefined
      ? new make(dataType as never, data as never, shape)
      : new make(type as never, other as never, shape);
  };
  return {
    inputNames: session.inputNames,
    outputNames: session.outputNames,
    run: async (feeds, outputs) => {
      const converted = Object.fromEntries(Object.entries(feeds).map(([name, feed]) => [name, feedOf(name, feed)]));
      try {
        const results = await session.run(converted, outputs ?? session.outputNames);
        if (runs++ === 0) afterRun?.(session);
        return Object.fromEntries(Object.entries(results).map(([name, value]) => [name, toTensor(name, value)]));
      } catch (cause) {
        if (cause instanceof InputError) throw cause;
        throw new WorkError('E_MODEL_RUN', `ONNX Runtime could not run the model: ${messageOf(cause)}`, { cause });
      }
    },
    dispose: () => session.release(),
  };
}

/** What is done after the first run of a session. */
type AfterRun = (session: InferenceSession) => void;

/** The part of ONNX Runtime's API that is needed to run models. */
export interface Runtime {
  readonly InferenceSession: {
    create(model: Uint8Array, options: InferenceSession.SessionOptions): Promise<InferenceSession>;
  };
  readonly Tensor: new (type: never, data: never, dims: readonly number[]) => OrtTensor;
}

/**
 * Loads models into a build of ONNX Runtime. Nodes run one after the other, since parallel execution was measured 2.5
 * times slower on training steps; without memory patterns, since they cost half as much memory again.
 * @param afterRun called after the first run of each session
 * @returns a function that throws InputError E_MODEL_LOAD for bytes that are not a model; `run` of its sessions throws
 * WorkError E_MODEL_RUN, or InputError E_MODEL_TYPE for an output of an unsupported type
 */
export function sessionLoader(
  runtime: Runtime,
  options: InferenceSession.SessionOptions,
  afterRun?: AfterRun,
): (model: Uint8Array) => Promise<Session> {
  const shared = { executionMode: 'sequential', enableMemPattern: false, logSeverityLevel: LOG_FATAL } as const;
  return async model => {
    try {
      const session = await runtime.InferenceSession.create(model, { ...shared, ...options });
      return wrapSession(runtime.Tensor, session, afterRun);
    } catch (cause) {
      const reason = messageOf(cause);
      throw new InputError('E_MODEL_LOAD', `ONNX Runtime cannot load the model (${model.length} bytes): ${reason}`, {
        cause,
      });
    }
  };
}
