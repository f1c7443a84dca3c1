/** Loads models onto a graphics card through a provider of ONNX Runtime for Node. */
import type { InferenceSession } from 'onnxruntime-web/wasm';
import type { Gpu } from '../../runtime/device.ts';
import type { Session } from '../../runtime/engine.ts';
import { cardLoader, WEBGPU_PROVIDER } from '../card-loader.ts';
import { type Runtime, sessionLoader } from '../ort-session.ts';
import { openProfileFolder, type Placement } from './placement.ts';

/** A provider with its options. */
export function providerOf(gpu: Gpu): InferenceSession.ExecutionProviderConfig {
  return gpu === 'webgpu' ? WEBGPU_PROVIDER : gpu;
}

/**
 * A function that loads a model onto a device. Only where ONNX Runtime would run nodes of it on the processor is the
 * first run profiled.
 * @param options.onFallback receives where the nodes of such a model ran
 * @returns a function as {@link sessionLoader} makes it
 */
export function gpuLoader(
  runtime: Runtime,
  gpu: Gpu,
  options: { readonly threads: number; readonly onFallback: (placement: Placement) => void },
): (model: Uint8Array) => Promise<Session> {
  const shared = { executionProviders: [providerOf(gpu)], intraOpNumThreads: options.threads };
  return cardLoader(runtime, shared, model => {
    const folder = openProfileFolder();
    const profile = { enableProfiling: true, profileFilePrefix: folder.prefix };
    return sessionLoader(runtime, { ...shared, ...profile }, session => {
      session.endProfiling();
      options.onFallback(folder.take());
    })(model);
  });
}
