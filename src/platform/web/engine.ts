/**
 * ONNX Runtime as WebAssembly behind the {@link Engine} interface: for pages and workers, and for Node where no native build runs. It
 * uses standard operators only.
 */
import { invariant } from '../../core/errors.ts';
import type { Engine } from '../../runtime/engine.ts';
import { sessionLoader } from '../ort-session.ts';

export interface WebEngineOptions {
  /**
   * Threads per operator; as ONNX Runtime sees fit if not given. The first engine of a page or worker decides. Only a page that is
   * cross-origin isolated (COOP and COEP headers) has more than one; in Node the threads cannot load the program they are to run.
   */
  readonly threads?: number;
  /**
   * Addresses of ONNX Runtime's own two files, ort-wasm-simd-threaded.{wasm,mjs}. A bundler must be told them: it would otherwise start
   * the program's own worker in place of ONNX Runtime's, which then waits forever.
   */
  readonly files?: { readonly wasm: string; readonly mjs: string };
}

/**
 * Starts ONNX Runtime for WebAssembly.
 * @returns an engine whose `load` throws InputError E_MODEL_LOAD for bytes that are no model, and whose `run` throws WorkError E_MODEL_RUN
 */
export async function createWebEngine({ threads, files }: WebEngineOptions = {}): Promise<Engine> {
  const runtime = await import('onnxruntime-web/wasm');
  runtime.env.logLevel = 'fatal';
  if (globalThis.crossOriginIsolated !== true) runtime.env.wasm.numThreads = 1;
  else if (threads !== undefined) runtime.env.wasm.numThreads = threads;
  if (files !== undefined) runtime.env.wasm.wasmPaths = files;
  const version = runtime.env.versions.web;
  invariant(version !== undefined, 'onnxruntime-web does not say its version');
  const load = sessionLoader(runtime, { executionProviders: ['wasm'] });
  return { name: `onnxruntime-web ${version} wasm`, block: 0, load };
}
