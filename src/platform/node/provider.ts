/** Loads models onto a graphics card through a provider of ONNX Runtime for Node. */
import type { InferenceSession } from 'onnxruntime-web/wasm';
import { InputError } from '../../core/errors.ts';
import type { DeviceKind } from '../../runtime/device.ts';
import type { Session } from '../../runtime/engine.ts';
import { type Runtime, sessionLoader } from '../ort-session.ts';
import { openProfileFolder, type Placement } from './placement.ts';

/** A device other than the processor. */
export type Gpu = Exclude<DeviceKind, 'cpu'>;

/** Part of ONNX Runtime's message where nodes of a model would have run on the processor. */
const WOULD_FALL_BACK = 'fallback to CPU EP has been explicitly disabled';

/**
 * Options of a provider. Row-major images stay as they are: the layout with channels last, which is WebGPU's usual one,
 * costs a transposition before and after each convolution.
 */
export function providerOf(gpu: Gpu): InferenceSession.ExecutionProviderConfig {
  return gpu === 'webgpu' ? { name: 'webgpu', preferredLayout: 'NCHW' } : gpu;
}

/**
 * A function that loads a model onto a device. ONNX Runtime is asked that no node may run on the processor; only where
 * it refuses a model for that is the model loaded without, and its first run profiled.
 * @param options.onFallback receives where the nodes of such a model ran
 * @returns a function as {@link sessionLoader} makes it
 */
export function gpuLoader(
  runtime: Runtime,
  gpu: Gpu,
  options: { readonly threads: number; readonly onFallback: (placement: Placement) => void },
): (model: Uint8Array) => Promise<Session> {
  const shared = { executionProviders: [providerOf(gpu)], intraOpNumThreads: options.threads };
  const strict = sessionLoader(runtime, { ...shared, extra: { session: { disable_cpu_ep_fallback: '1' } } });
  const profiled = (model: Uint8Array): Promise<Session> => {
    const folder = openProfileFolder();
    const profile = { enableProfiling: true, profileFilePrefix: folder.prefix };
    return sessionLoader(runtime, { ...shared, ...profile }, session => {
      session.endProfiling();
      options.onFallback(folder.take());
    })(model);
  };
  return async model => {
    try {
      return await strict(model);
    } catch (error) {
      if (!(error instanceof InputError && error.message.includes(WOULD_FALL_BACK))) throw error;
      return profiled(model);
    }
  };
}
