/**
 * Loading models onto a graphics card through a provider of ONNX Runtime, in Node and in pages, such that no node of a
 * model runs on the processor without a word.
 */
import type { InferenceSession } from 'onnxruntime-web/wasm';
import { InputError } from '../core/errors.ts';
import type { Session } from '../runtime/engine.ts';
import { type Runtime, sessionLoader } from './ort-session.ts';

/** Part of ONNX Runtime's message where nodes of a model would have run on the processor. */
const WOULD_FALL_BACK = 'fallback to CPU EP has been explicitly disabled';

/**
 * WebGPU as a provider. Row-major images stay as they are: the layout with channels last, which is its usual one in
 * some builds, costs a transposition before and after each convolution.
 */
export const WEBGPU_PROVIDER = {
  name: 'webgpu',
  preferredLayout: 'NCHW',
} as const satisfies InferenceSession.ExecutionProviderConfig;

/** Loads the bytes of a model. */
type Loader = (model: Uint8Array) => Promise<Session>;

/**
 * A function that loads a model onto a device. ONNX Runtime is told that no node may run on the processor.
 * @param otherwise loads a model that it refuses for that
 * @returns a function as {@link sessionLoader} makes it
 */
export function cardLoader(runtime: Runtime, options: InferenceSession.SessionOptions, otherwise: Loader): Loader {
  const strict = sessionLoader(runtime, { ...options, extra: { session: { disable_cpu_ep_fallback: '1' } } });
  return async model => {
    try {
      return await strict(model);
    } catch (error) {
      if (!(error instanceof InputError && error.message.includes(WOULD_FALL_BACK))) throw error;
      return otherwise(model);
    }
  };
}
