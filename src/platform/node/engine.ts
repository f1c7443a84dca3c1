/**
 * ONNX Runtime for Node as an {@link Engine}, on the CPU. Runs nodes one after the other, since parallel execution was measured 2.5
 * times slower on training steps; without memory patterns, since they cost half as much memory again.
 */
import { availableParallelism } from 'node:os';
import type { InferenceSession, Tensor as OrtTensor } from 'onnxruntime-node';
import { InputError, invariant, WorkError } from '../../core/errors.ts';
import { type DataType, type Tensor, tensor } from '../../core/tensor.ts';
import { encodeModel } from '../../onnx/encode.ts';
import { BLOCKED_DOMAIN } from '../../onnx/model.ts';
import type { Engine, Session } from '../../runtime/engine.ts';

type Runtime = typeof import('onnxruntime-node');

/** The quietest log level: warnings concern ONNX Runtime itself, and errors reach the caller as exceptions. */
const LOG_FATAL = 4;

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

function openSession(runtime: Runtime, session: InferenceSession): Session {
  return {
    inputNames: session.inputNames,
    outputNames: session.outputNames,
    run: async (feeds, outputs) => {
      const converted: Record<string, OrtTensor> = {};
      for (const [name, { dataType, data, shape }] of Object.entries(feeds)) {
        converted[name] = new runtime.Tensor(dataType, data, shape);
      }
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

/**
 * Channel block of the runtime's blocked kernels on this machine: 8 or 16, or 0 where it has none. Four channels, reordered, come
 * out padded to one block. The operators are internal to ONNX Runtime, so a failure means that they are not there.
 */
async function probeBlock(load: Engine['load']): Promise<number> {
  const bytes = encodeModel({
    nodes: [
      {
        name: 'probe',
        op: 'ReorderInput',
        domain: BLOCKED_DOMAIN,
        inputs: ['x'],
        outputs: ['y'],
        attributes: { channels_last: 0 },
      },
    ],
    initializers: [],
    inputs: [{ name: 'x', dataType: 'float32', shape: [1, 4, 1, 1] }],
    outputs: [{ name: 'y', dataType: 'float32', shape: ['n', 'c', 'h', 'w'] }],
    metadata: {},
  });
  try {
    const session = await load(bytes);
    const { y } = await session.run({ x: tensor('float32', new Float32Array(4), [1, 4, 1, 1]) });
    await session.dispose();
    const block = y?.shape[1];
    return block === 8 || block === 16 ? block : 0;
  } catch {
    return 0;
  }
}

/**
 * Starts ONNX Runtime.
 * @param options.threads threads per operator; one per core if not given
 * @returns an engine whose `load` throws InputError E_MODEL_LOAD for bytes that are no model, and whose `run` throws WorkError E_MODEL_RUN
 */
export async function createNodeEngine(options: { readonly threads?: number } = {}): Promise<Engine> {
  const runtime = await import('onnxruntime-node');
  runtime.env.logLevel = 'fatal';
  const version = runtime.env.versions.node;
  invariant(version !== undefined, 'onnxruntime-node does not say its version');
  const load = async (model: Uint8Array): Promise<Session> => {
    try {
      const session = await runtime.InferenceSession.create(model, {
        executionProviders: ['cpu'],
        executionMode: 'sequential',
        intraOpNumThreads: options.threads ?? availableParallelism(),
        enableMemPattern: false,
        logSeverityLevel: LOG_FATAL,
      });
      return openSession(runtime, session);
    } catch (cause) {
      const reason = messageOf(cause);
      throw new InputError('E_MODEL_LOAD', `ONNX Runtime cannot load the model (${model.length} bytes): ${reason}`, {
        cause,
      });
    }
  };
  return { name: `onnxruntime-node ${version} cpu`, block: await probeBlock(load), load };
}
