/**
 * ONNX Runtime in a page or worker behind the {@link Engine} interface: WebAssembly, or WebGPU if available. It also
 * runs under Node, as WebAssembly. It uses standard operators only, on WebGPU in the form for graphics cards.
 */
import { invariant, WorkError } from '../../core/errors.ts';
import type { Engine, Session } from '../../runtime/engine.ts';
import { cardLoader, WEBGPU_PROVIDER } from '../card-loader.ts';
import { sessionLoader } from '../ort-session.ts';

/** Backend: the processor, or the graphics card through the browser's WebGPU. */
export type WebBackend = 'wasm' | 'webgpu';

/** The two files of ONNX Runtime's build for a backend. */
export interface RuntimeFiles {
  /** Address, or the content itself. */
  readonly wasm: string | Blob;
  /** Address; not needed on one thread where the bundler took ONNX Runtime's build with this program inside. */
  readonly mjs?: string;
}

export interface WebEngineOptions {
  /** Backend; `wasm` if not given. */
  readonly backend?: WebBackend;
  /**
   * Threads per operator; chosen by ONNX Runtime if not given. The first engine of a page or worker decides. Only a
   * page that is cross-origin isolated (COOP and COEP headers) has more than one; in Node the threads cannot load their
   * program.
   */
  readonly threads?: number;
  /**
   * The two files of ONNX Runtime: `ort-wasm-simd-threaded.{wasm,mjs}`, for WebGPU
   * `ort-wasm-simd-threaded.asyncify.{wasm,mjs}`. A bundler must know them: it would otherwise start the program's
   * own worker in place of ONNX Runtime's, which then waits forever.
   */
  readonly files?: RuntimeFiles;
  /** Receives what a user should not miss: a model of which WebGPU leaves operators to the processor. */
  readonly onWarning?: (warning: WebEngineWarning) => void;
}

/** Something that an engine does otherwise than asked. */
export interface WebEngineWarning {
  readonly code: 'W_DEVICE_NODES';
  readonly message: string;
}

const LEFT_TO_PROCESSOR: WebEngineWarning = {
  code: 'W_DEVICE_NODES',
  message:
    'the graphics card has no kernel for some operators of a model, which run on the processor; WebAssembly may be faster.',
};

/** Whether this page or worker can compute on a graphics card. */
export async function hasWebGpu(): Promise<boolean> {
  // TypeScript's DOM library does not know WebGPU
  const { gpu } = navigator as { gpu?: { requestAdapter(): Promise<object | null> } };
  return gpu !== undefined && (await gpu.requestAdapter()) !== null;
}

/** Yields to waiting tasks (clicks, messages, painting), which a WebAssembly run blocks. */
function nextTurn(): Promise<void> {
  return new Promise(resolve => {
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = () => {
      port1.close();
      resolve();
    };
    port2.postMessage(null);
  });
}

function withTurns(session: Session): Session {
  const run: Session['run'] = async (feeds, outputs) => {
    const results = await session.run(feeds, outputs);
    await nextTurn();
    return results;
  };
  return { inputNames: session.inputNames, outputNames: session.outputNames, run, dispose: () => session.dispose() };
}

/** ONNX Runtime's own package, which projects with pages install beside this one. */
async function importRuntime(backend: WebBackend) {
  try {
    return await (backend === 'webgpu' ? import('onnxruntime-web/webgpu') : import('onnxruntime-web/wasm'));
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new WorkError(
      'E_ONNXRUNTIME_WEB',
      `ONNX Runtime for pages cannot be loaded: ${reason}. If it is not installed, run npm install onnxruntime-web.`,
      { cause },
    );
  }
}

/**
 * Starts ONNX Runtime. Between two runs a session yields to the page or worker, so that a signal can stop it.
 * @returns an engine whose `load` throws InputError E_MODEL_LOAD for bytes that are not a model, and whose `run` throws
 * WorkError E_MODEL_RUN
 * @throws {WorkError} E_NO_WEBGPU if WebGPU is requested but not available; E_ONNXRUNTIME_WEB if onnxruntime-web is not
 * installed
 */
export async function createWebEngine(options: WebEngineOptions = {}): Promise<Engine> {
  const { backend = 'wasm', threads, files, onWarning = () => {} } = options;
  if (backend === 'webgpu' && !(await hasWebGpu())) {
    throw new WorkError('E_NO_WEBGPU', 'this browser offers no WebGPU. Ask for the backend "wasm".');
  }
  const runtime = await importRuntime(backend);
  runtime.env.logLevel = 'fatal';
  if (globalThis.crossOriginIsolated !== true) runtime.env.wasm.numThreads = 1;
  else if (threads !== undefined) runtime.env.wasm.numThreads = threads;
  if (files !== undefined) {
    const { wasm, mjs } = files;
    runtime.env.wasm.wasmPaths = { ...(typeof wasm === 'string' && { wasm }), ...(mjs !== undefined && { mjs }) };
    if (typeof wasm !== 'string') runtime.env.wasm.wasmBinary = await wasm.arrayBuffer();
  }
  const version = runtime.env.versions.web;
  invariant(version !== undefined, 'onnxruntime-web does not say its version');
  const name = `onnxruntime-web ${version} ${backend}`;
  if (backend === 'wasm') {
    const load = sessionLoader(runtime, { executionProviders: ['wasm'] });
    return { name, device: 'cpu', block: 0, planes: true, load: async model => withTurns(await load(model)) };
  }
  const onCard = { executionProviders: [WEBGPU_PROVIDER] };
  const load = cardLoader(runtime, onCard, model => {
    onWarning(LEFT_TO_PROCESSOR);
    return sessionLoader(runtime, onCard)(model);
  });
  return {
    name: `${name}, folded operators`,
    device: 'webgpu',
    block: 0,
    folded: true,
    load: async model => withTurns(await load(model)),
  };
}
