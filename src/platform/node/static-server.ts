/**
 * A small HTTP server for one person on this machine: folders and computed documents, read-only, on the loopback
 * interface alone. A page from elsewhere cannot reach it under another name (the Host header is checked), and nothing
 * outside the folders is served, whether by dots, encodings or links. Files may grow while they are served, and may be
 * requested in parts; those of a page are sent compressed to whoever takes that.
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
import { acceptedCodings, CODINGS, type Coding, hasCompressedForms, unpacked } from './compressed.ts';

/** Content of an address: a folder, or a document that is generated at every request. */
export type Mount =
  | {
      readonly prefix: `/${string}/` | '/';
      readonly folder: string;
      /** Whether its files have compressed forms beside them, or those alone. */
      readonly isCompressed?: boolean;
    }
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
  '.webmanifest': 'application/manifest+json',
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

/** What is sent of a file: the file itself, or one of its forms. */
interface Found {
  /** File, or content that is held in memory. */
  readonly content: string | Uint8Array;
  /** Path that says the type. */
  readonly path: string;
  readonly bytes: number;
  /** Entity tag, which changes with the content and is another for each form. */
  readonly tag: string;
  readonly headers: Readonly<Record<string, string>>;
}

/** A file below a folder; undefined if it does not exist or links lead out of the folder. */
async function findFile(folder: string, path: string): Promise<Found | undefined> {
  try {
    const [root, file] = [await realpath(folder), await realpath(join(folder, path))];
    const info = await stat(file);
    if (!file.startsWith(root + sep) || !info.isFile()) return undefined;
    const tag = `"${info.size}-${info.mtimeMs}"`;
    return { content: file, path, bytes: info.size, tag, headers: { 'Accept-Ranges': 'bytes' } };
  } catch {
    return undefined;
  }
}

/** Plain contents of which only compressed forms are there, by path. */
type Unpacked = Map<string, Promise<Uint8Array>>;

/** The form of a file that a request is answered with; parts are those of the plain form. */
async function findForm(
  folder: string,
  path: string,
  { headers: asked, held }: { readonly headers: IncomingHttpHeaders; readonly held: Unpacked },
): Promise<Found | undefined> {
  if (!hasCompressedForms(path)) return findFile(folder, path);
  // it may be kept, but not used without asking
  const common = { Vary: 'Accept-Encoding', 'Cache-Control': 'no-cache' };
  const tagOf = (tag: string, form: Coding | 'plain'): string => `${tag.slice(0, -1)}-${form}"`;
  for (const coding of asked.range === undefined ? acceptedCodings(asked['accept-encoding']) : []) {
    const found = await findFile(folder, `${path}${CODINGS[coding]}`);
    if (found === undefined) continue;
    return { ...found, path, tag: tagOf(found.tag, coding), headers: { ...common, 'Content-Encoding': coding } };
  }
  const plain = await findFile(folder, path);
  if (plain !== undefined) return { ...plain, headers: { ...plain.headers, ...common } };
  const packed = await findFile(folder, `${path}${CODINGS.br}`);
  if (packed === undefined) return undefined;
  const unpacking = held.get(path) ?? unpacked(join(folder, path));
  held.set(path, unpacking);
  const content = await unpacking;
  const headers = { ...common, 'Accept-Ranges': 'bytes' };
  return { content, path, bytes: content.length, tag: tagOf(packed.tag, 'plain'), headers };
}

/** What a folder has at the path of a request. */
async function findIn(
  { prefix, folder, isCompressed }: Extract<Mount, { readonly folder: string }>,
  path: string,
  asked: { readonly headers: IncomingHttpHeaders; readonly held: Unpacked },
): Promise<Found | undefined> {
  if (!path.startsWith(prefix)) return undefined;
  const rest = path.slice(prefix.length);
  return isCompressed === true ? findForm(folder, rest, asked) : findFile(folder, rest);
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
  const { content, path, bytes, tag } = found;
  const common = { ...headers, ...found.headers, ETag: tag };
  const known = (asked['if-none-match'] ?? '').split(',').map(text => text.trim().replace(/^W\//, ''));
  if (known.includes(tag) || known.includes('*')) {
    response.writeHead(304, common).end();
    return;
  }
  const range = method === 'GET' ? rangeOf(asked, found) : undefined;
  if (range === 'none') return end(response, 416, { ...common, 'Content-Range': `bytes */${bytes}` }, '');
  const { first, last } = range ?? { first: 0, last: bytes - 1 };
  const type = TYPES[extname(path).toLowerCase()] ?? 'application/octet-stream';
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
  if (typeof content !== 'string') {
    response.end(content.subarray(first, last + 1));
    return;
  }
  // also closes the file if the client disconnects, which is not an error
  await pipeline(createReadStream(content, { start: first, end: last }), response).catch(() => response.destroy());
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

async function answer(
  request: IncomingMessage,
  response: ServerResponse,
  { held, ...options }: StaticServerOptions & { readonly held: Unpacked },
): Promise<void> {
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
    const found = path !== undefined && (await findIn(mount, path, { headers: request.headers, held }));
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
  const held: Unpacked = new Map();
  const server = createServer((request, response) => {
    answer(request, response, { ...options, held }).catch((error: unknown) => {
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
