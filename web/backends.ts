/** The backends of this browser for the user to choose from, the graphics card first if there is one. */
import { hasWebGpu, type WebBackend } from '../src/platform/web/index.ts';
import { make } from './elements.ts';
import { isOneFile } from './own-files.ts';
import { threadsOfPage } from './threads.ts';

export interface Backends {
  chosen(): WebBackend;
}

function wasmText(): string {
  const threads = threadsOfPage();
  return `WebAssembly, ${threads} thread${threads === 1 ? '' : 's'}`;
}

/** Fills the list of choices. */
export async function chooseBackends(list: HTMLSelectElement): Promise<Backends> {
  const found: readonly (readonly [WebBackend, string])[] = [
    // one html file leaves its build of ONNX Runtime out
    ...(!isOneFile() && (await hasWebGpu()) ? [['webgpu', 'WebGPU'] as const] : []),
    ['wasm', wasmText()],
  ];
  list.replaceChildren(...found.map(([backend, text]) => make('option', { value: backend }, text)));
  return { chosen: () => list.value as WebBackend };
}
