/**
 * Where the page's own files are: beside it on its server, or inside it where the page is one html file
 * (`voxstill pack --as html`), which asks nobody for anything.
 */
import { gunzipSync } from 'fflate';
import { InputError, WorkError } from '../src/core/errors.ts';
import { CODEC_FILES, type CodecSources } from '../src/platform/frame-codecs.ts';
import type { RuntimeFiles, WebBackend } from '../src/platform/web/engine.ts';
import { hexSha256 } from './hex-sha256.ts';

/** The elements that hold files, gzipped and in base64, as src/platform/node/one-file.ts writes them. */
const HELD = 'script[data-path]';

/** Whether the page and all that it needs are one file. */
export function isOneFile(): boolean {
  return document.documentElement.dataset['oneFile'] !== undefined;
}

function elementOf(path: string): HTMLElement | undefined {
  return [...document.querySelectorAll<HTMLElement>(HELD)].find(({ dataset }) => dataset['path'] === path);
}

/** The SHA-256 of a file that is inside the page; undefined where it is not. */
export function heldSum(path: string): string | undefined {
  return elementOf(path)?.dataset['sha256'];
}

/**
 * The content of a file that is inside the page.
 * @throws {InputError} E_PAGE_DAMAGED if it is not there whole
 */
export function heldFile(path: string): Uint8Array<ArrayBuffer> {
  const element = elementOf(path);
  const damaged = (cause?: unknown): InputError =>
    new InputError(
      'E_PAGE_DAMAGED',
      `this html file does not hold ${path} whole. Copy or download the file again.`,
      cause === undefined ? {} : { cause },
    );
  if (element === undefined) throw damaged();
  let bytes: Uint8Array<ArrayBuffer>;
  try {
    const text = atob(element.textContent ?? '');
    bytes = gunzipSync(Uint8Array.from(text, letter => letter.charCodeAt(0))) as Uint8Array<ArrayBuffer>;
  } catch (cause) {
    throw damaged(cause);
  }
  if (hexSha256(bytes) !== element.dataset['sha256']) throw damaged();
  return bytes;
}

/** Contents that were taken out of the page, by path. */
const taken = new Map<string, Blob>();

/** The address of one of the page's own files on its server. */
function addressOf(path: string): string {
  return new URL(path, document.baseURI).href;
}

/**
 * One of the page's own files for a worker: its address, or its content out of the page, since workers of a file that
 * was opened from disk can fetch nothing, not even addresses that the page made.
 * @throws {InputError} E_PAGE_DAMAGED
 */
function ownFile(path: string): string | Blob {
  if (!isOneFile()) return addressOf(path);
  const content = taken.get(path) ?? new Blob([heldFile(path)]);
  taken.set(path, content);
  return content;
}

/**
 * Fetches one of the page's own files as it is now.
 * @throws {InputError} E_PAGE_DAMAGED
 * @throws {WorkError} E_SERVER_GONE where nobody answers
 */
export async function fetchOwn(path: string): Promise<Response> {
  if (isOneFile()) return new Response(heldFile(path));
  try {
    return await fetch(addressOf(path), { cache: 'no-store' });
  } catch (cause) {
    throw new WorkError(
      'E_SERVER_GONE',
      'the server of this page does not answer. What is open stays and can be saved; start voxstill serve again, and then reload the page.',
      { cause },
    );
  }
}

/** ONNX Runtime's files for a backend. One html file has its program inside its worker. */
export function runtimeFiles(backend: WebBackend): RuntimeFiles {
  const build = backend === 'webgpu' ? 'ort-wasm-simd-threaded.asyncify' : 'ort-wasm-simd-threaded';
  const wasm = ownFile(`runtime/${build}.wasm`);
  return isOneFile() ? { wasm } : { wasm, mjs: addressOf(`runtime/${build}.mjs`) };
}

/** The files of both builds. */
export function runtimeFilesOfAll(): Readonly<Record<WebBackend, RuntimeFiles>> {
  return { wasm: runtimeFiles('wasm'), webgpu: runtimeFiles('webgpu') };
}

/** The decoders of compressed pictures. */
export function codecSources(): CodecSources {
  const of = (coding: keyof typeof CODEC_FILES) => ownFile(`codecs/${CODEC_FILES[coding].file}`);
  return { jpeg: of('jpeg'), 'jpeg-ls': of('jpeg-ls'), 'jpeg-2000': of('jpeg-2000') };
}
