/**
 * A small HTTP server for one person on this machine: folders and computed documents, read-only, on the loopback
 * interface alone. A page from elsewhere cannot reach it under another name (the Host header is checked), and nothing
 * outside the folders is served, whether by dots, encodings or links. Files may grow while they are served, and may be
 * requested in parts.
 */
import { createReadStream } from 'node:fs';
import { realpath, stat } from 'node:fs/promises';
import {
  createServer,
  type IncomingHttpHeaders,
  type IncomingMessage,
  type Server,
  type ServerResponse,
} from 'node:http';
import { extname, join, sep } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { InputError, invariant } from '../../core/errors.ts';

/** Content of an address: a folder, or a document that is generated at every request. */
export type Mount =
  | { readonly prefix: `/${string}/` | '/'; readonly folder: string }
  | { readonly path: `/${string}`; readonly document: () => Promise<object> };

export interface StaticServerOptions {
  /** Sources of content; the first that has the requested path answers. */
  readonly mounts: readonly Mount[];
  /** Port; 0 takes any free one. */
  readonly port: number;
  /** Content security policy of a path. */
  readonly policy: (path: string) => string;
  /** Whether pages are cross-origin isolated, as threads of WebAssembly need; true if not given. */
  readonly isolated?: boolean;
}

export interface StaticServer {
  /** Address of the server, for example `http://127.0.0.1:8080/`. */
  readonly url: string;
  close(): Promise<void>;
}

const LOOPBACK = '127.0.0.1';
const HOSTS = [LOOPBACK, 'localhost', '[::1]'];

const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.mjs': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.json': 'application/json; charset=utf-8',
  '.csv': 'text/csv; charset=utf-8',
  '.yaml': 'text/yaml; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.png': 'image/png',
  '.wasm': 'application/wasm',
};

function headersFor(path: string, { policy, isolated = true }: StaticServerOptions): Record<string, string> {
  return {
    'Content-Security-Policy': policy(path),
    'X-Content-Type-Options': 'nosniff',
    'Cache-Control': 'no-store',
    'Referrer-Policy': 'no-referrer',
    'Cross-Origin-Resource-Policy': 'same-origin',
    ...(isolated && { 'Cross-Origin-Opener-Policy': 'same-origin', 'Cross-Origin-Embedder-Policy': 'require-corp' }),
  };
}

/** The path of a request as plain names; undefined if it is not a plain path. */
function pathOf(url: string): string | undefined {
  let path: string;
  try {
    path = decodeURIComponent(url.replace(/[?#].*$/, ''));
  } catch {
    return undefined;
  }
  const names = path.split('/').slice(1);
  const isPlain = path.startsWith('/') && !/[\\\0]/.test(path) && names.every(name => !name.startsWith('.'));
  return isPlain ? path.replace(/\/$/, '/index.html') : undefined;
}

interface Found {
  readonly file: string;
  readonly bytes: number;
  /** Entity tag, which changes with the content. */
  readonly tag: string;
}

/** A file below a folder; undefined if it does not exist or links lead out of the folder. */
async function findFile(folder: string, path: string): Promise<Found | undefined> {
  try {
    const [root, file] = [await realpath(folder), await realpath(join(folder, path))];
    const info = await stat(file);
    if (!file.startsWith(root + sep) || !info.isFile()) return undefined;
    return { file, bytes: info.size, tag: `"${info.size}-${info.mtimeMs}"` };
  } catch {
    return undefined;
  }
}

function end(response: ServerResponse, status: number, headers: Record<string, string>, body: string): void {
  response.writeHead(status, { ...headers, 'Content-Length': Buffer.byteLength(body) }).end(body);
}

/** A range of bytes of a file, including the last one. */
interface ByteRange {
  readonly first: number;
  readonly last: number;
}

/**
 * The part of a file that a request asks for.
 * @returns undefined for all of it (no range, several, or one of another version); `none` where the file has no such
 * part
 * @see RFC 9110, sections 13.1.5 and 14
 */
function rangeOf(
  { range, 'if-range': version }: IncomingHttpHeaders,
  { bytes, tag }: Found,
): ByteRange | 'none' | undefined {
  const [, from = '', to = ''] = /^bytes=(\d*)-(\d*)$/.exec(range ?? '') ?? [];
  if ((from === '' && to === '') || (version !== undefined && version !== tag)) return undefined;
  const first = from === '' ? Math.max(0, bytes - Number(to)) : Number(from);
  const last = from === '' || to === '' ? bytes - 1 : Math.min(Number(to), bytes - 1);
  if (from !== '' && to !== '' && Number(to) < first) return undefined;
  return first > last ? 'none' : { first, last };
}

/** Sends a file or a part of it. A file that grows is sent as long as it was when it was looked at. */
async function sendFile(
  { method, headers: asked }: IncomingMessage,
  response: ServerResponse,
  { found, headers }: { readonly found: Found; readonly headers: Record<string, string> },
): Promise<void> {
  const { file, bytes, tag } = found;
  const common = { ...headers, ETag: tag, 'Accept-Ranges': 'bytes' };
  if (asked['if-none-match'] === tag) return end(response, 304, headers, '');
  const range = method === 'GET' ? rangeOf(asked, found) : undefined;
  if (range === 'none') return end(response, 416, { ...common, 'Content-Range': `bytes */${bytes}` }, '');
  const { first, last } = range ?? { first: 0, last: bytes - 1 };
  const type = TYPES[extname(file).toLowerCase()] ?? 'application/octet-stream';
  response.writeHead(range === undefined ? 200 : 206, {
    ...common,
    'Content-Type': type,
    'Content-Length': last - first + 1,
    ...(range !== undefined && { 'Content-Range': `bytes ${first}-${last}/${bytes}` }),
  });
  if (method === 'HEAD' || bytes === 0) {
    response.end();
    return;
  }
  // also closes the file if the client disconnects, which is not an error
  await pipeline(createReadStream(file, { start: first, end: last }), response).catch(() => response.destroy());
}

/** Reason why a request is not answered with content. */
function refusalOf({
  method = '',
  headers,
}: IncomingMessage): { readonly status: number; readonly text: string } | undefined {
  const host = (headers.host ?? '').replace(/:\d+$/, '').toLowerCase();
  if (!HOSTS.includes(host)) return { status: 403, text: 'this server answers this machine only\n' };
  if (method !== 'GET' && method !== 'HEAD') return { status: 405, text: 'read-only\n' };
  return undefined;
}

async function answer(request: IncomingMessage, response: ServerResponse, options: StaticServerOptions): Promise<void> {
  const path = pathOf(request.url ?? '');
  const headers = headersFor(path ?? '', options);
  const text = { ...headers, 'Content-Type': 'text/plain; charset=utf-8' };
  const refusal = refusalOf(request);
  if (refusal !== undefined) {
    const allow: Record<string, string> = refusal.status === 405 ? { Allow: 'GET, HEAD' } : {};
    return end(response, refusal.status, { ...text, ...allow }, refusal.text);
  }
  for (const mount of path === undefined ? [] : options.mounts) {
    if ('document' in mount) {
      if (path !== mount.path) continue;
      const body = JSON.stringify(await mount.document());
      return end(response, 200, { ...headers, 'Content-Type': TYPES['.json']! }, request.method === 'HEAD' ? '' : body);
    }
    const found = path?.startsWith(mount.prefix) && (await findFile(mount.folder, path.slice(mount.prefix.length)));
    if (found) return sendFile(request, response, { found, headers });
  }
  end(response, 404, text, 'not found\n');
}

function listen(server: Server, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      const reason = error.code === 'EADDRINUSE' ? 'it is taken' : String(error.code);
      reject(
        new InputError(
          'E_PORT',
          `cannot listen on port ${port}: ${reason}. Choose another with --port, or leave it out.`,
        ),
      );
    });
    server.listen(port, LOOPBACK, resolve);
  });
}

/**
 * Starts the server.
 * @throws {InputError} E_PORT if the port is taken
 */
export async function startStaticServer(options: StaticServerOptions): Promise<StaticServer> {
  const server = createServer((request, response) => {
    answer(request, response, options).catch((error: unknown) => {
      if (response.headersSent) response.destroy();
      else end(response, 500, headersFor('', options), `${error instanceof Error ? error.message : String(error)}\n`);
    });
  });
  await listen(server, options.port);
  const address = server.address();
  invariant(typeof address === 'object' && address !== null, 'a listening server has an address');
  return {
    url: `http://${LOOPBACK}:${address.port}/`,
    close: () =>
      new Promise(resolve => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
