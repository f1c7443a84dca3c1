/** ONNX Runtime for Node: loading it, and what an engine of each device needs of it. */
import { invariant } from '../../core/errors.ts';
import { probeBlock } from '../../onnx/probe.ts';
import type { Gpu } from '../../runtime/device.ts';
import type { Engine } from '../../runtime/engine.ts';
import { type Runtime, sessionLoader } from '../ort-session.ts';
import type { Placement } from './placement.ts';
import { gpuLoader } from './provider.ts';

/** ONNX Runtime with its version. */
export interface NodeRuntime extends Runtime {
  readonly version: string;
}

/** An engine without its name. */
export type EngineParts = Omit<Engine, 'name'>;

/** Loads ONNX Runtime. @param logLevel what it writes on stderr; nothing but what ends it if not given */
export async function loadRuntime(logLevel: 'fatal' | 'info' = 'fatal'): Promise<NodeRuntime> {
  const { env, InferenceSession, Tensor } = await import('onnxruntime-node');
  env.logLevel = logLevel;
  const version = env.versions.node;
  invariant(version !== undefined, 'onnxruntime-node does not say its version');
  return { InferenceSession, Tensor, version };
}

/** The processor, with the channel blocks that it has. */
export async function onCpu(runtime: NodeRuntime, threads: number): Promise<EngineParts> {
  const load = sessionLoader(runtime, { executionProviders: ['cpu'], intraOpNumThreads: threads });
  return { device: 'cpu', block: await probeBlock(load), load };
}

/** A graphics card, which has no channel blocks. */
export function onGpu(
  runtime: NodeRuntime,
  gpu: Gpu,
  options: { readonly threads: number; readonly onFallback: (placement: Placement) => void },
): EngineParts {
  return { device: gpu, block: 0, folded: gpu === 'webgpu', load: gpuLoader(runtime, gpu, options) };
}
