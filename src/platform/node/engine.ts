/** ONNX Runtime for Node as an {@link Engine}, on the CPU. */
import { availableParallelism } from 'node:os';
import { invariant } from '../../core/errors.ts';
import { probeBlock } from '../../onnx/probe.ts';
import type { Engine } from '../../runtime/engine.ts';
import { sessionLoader } from '../ort-session.ts';

/**
 * Starts ONNX Runtime.
 * @param options.threads threads per operator; one per core if not given
 * @returns an engine whose `load` throws InputError E_MODEL_LOAD for bytes that are not a model, and whose `run` throws
 * WorkError E_MODEL_RUN
 */
export async function createNodeEngine(options: { readonly threads?: number } = {}): Promise<Engine> {
  const runtime = await import('onnxruntime-node');
  runtime.env.logLevel = 'fatal';
  const version = runtime.env.versions.node;
  invariant(version !== undefined, 'onnxruntime-node does not say its version');
  const intraOpNumThreads = options.threads ?? availableParallelism();
  const load = sessionLoader(runtime, { executionProviders: ['cpu'], intraOpNumThreads });
  const block = await probeBlock(load);
  const kernels = block === 0 ? 'standard operators' : `channel blocks of ${block}`;
  return { name: `onnxruntime-node ${version} cpu, ${kernels}`, block, load };
}
