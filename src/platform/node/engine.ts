/**
 * ONNX Runtime for Node as an {@link Engine}, on the CPU. Runs nodes one after the other, since parallel execution was measured 2.5
 * times slower on training steps; without memory patterns, since they cost half as much memory again.
 */
import { availableParallelism } from 'node:os';
import { InputError, invariant } from '../../core/errors.ts';
import { probeBlock } from '../../onnx/probe.ts';
import type { Engine, Session } from '../../runtime/engine.ts';
import { LOG_FATAL, messageOf, wrapSession } from '../ort-session.ts';

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
      return wrapSession(({ dataType, data, shape }) => new runtime.Tensor(dataType, data, shape), session);
    } catch (cause) {
      const reason = messageOf(cause);
      throw new InputError('E_MODEL_LOAD', `ONNX Runtime cannot load the model (${model.length} bytes): ${reason}`, {
        cause,
      });
    }
  };
  const block = await probeBlock(load);
  const kernels = block === 0 ? 'standard operators' : `channel blocks of ${block}`;
  return { name: `onnxruntime-node ${version} cpu, ${kernels}`, block, load };
}
