/**
 * A small HTTP server for one person on this machine: folders and computed documents, read-only, on the loopback interface alone.
 * A page from elsewhere cannot reach it under another name (the Host header is checked), and nothing outside of the folders is served,
 * be it by dots, encodings or links. Files may grow while they are served.
 */
import { createReadStream } from 'node:fs';
import { realpath, stat } from 'node:fs/promises';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { extname, join, sep } from 'node:path';
import { InputError, invariant } from '../../core/errors.ts';

/** What lies under an address: a folder, or a document that is made at every request. */
export type Mount =
  | { readonly prefix: `/${string}/` | '/'; readonly folder: string }
  | { readonly path: `/${string}`; readonly document: () => Promise<object> };

export interface StaticServerOptions {
  /** The first that has what is asked for answers. */
  readonly mounts: readonly Mount[];
  /** 0 takes any that is free. */
  readonly port: number;
  /** Content security policy for a path. */
  readonly policy: (path: string) => string;
  /** Whether pages are cross-origin isolated, as threads of WebAssembly need; true if not given. */
  readonly isolated?: boolean;
}

export interface StaticServer {
  /** For example `http://127.0.0.1:8080/`. */
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

/** The path of a request as plain names; undefined where it tries to be anything else. */
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
  /** Changes with the content. */
  readonly tag: string;
}

/** A file below a folder; undefined where there is none or where links lead out of the folder. */
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

/** A request that may be answered. */
interface Asked {
  readonly path: string;
  /** Without the body. */
  readonly headOnly: boolean;
  /** The tag of the copy that the browser has. */
  readonly knownTag: string | undefined;
  readonly headers: Record<string, string>;
}

/** Sends a file; where it grows, as much of it as there was when it was looked at. */
function sendFile(response: ServerResponse, { file, bytes, tag }: Found, { headOnly, knownTag, headers }: Asked): void {
  if (knownTag === tag) {
    end(response, 304, headers, '');
    return;
  }
  const type = TYPES[extname(file).toLowerCase()] ?? 'application/octet-stream';
  response.writeHead(200, { ...headers, 'Content-Type': type, 'Content-Length': bytes, ETag: tag });
  if (headOnly || bytes === 0) {
    response.end();
    return;
  }
  createReadStream(file, { end: bytes - 1 })
    .on('error', () => response.destroy())
    .pipe(response);
}

/** @returns whether the mount has the path; nothing is sent where it does not */
async function answerFrom(mount: Mount, response: ServerResponse, asked: Asked): Promise<boolean> {
  const { path, headOnly, headers } = asked;
  if ('document' in mount) {
    if (path !== mount.path) return false;
    const body = JSON.stringify(await mount.document());
    end(response, 200, { ...headers, 'Content-Type': TYPES['.json']! }, headOnly ? '' : body);
    return true;
  }
  if (!path.startsWith(mount.prefix)) return false;
  const found = await findFile(mount.folder, path.slice(mount.prefix.length));
  if (found !== undefined) sendFile(response, found, asked);
  return found !== undefined;
}

async function answer(request: IncomingMessage, response: ServerResponse, options: StaticServerOptions): Promise<void> {
  const { method = '', url = '', headers: asked } = request;
  const path = pathOf(url);
  const headers = headersFor(path ?? '', options);
  const text = { ...headers, 'Content-Type': 'text/plain; charset=utf-8' };
  const host = (asked.host ?? '').replace(/:\d+$/, '');
  if (!HOSTS.includes(host)) return end(response, 403, text, 'this server answers to this machine only\n');
  if (method !== 'GET' && method !== 'HEAD') return end(response, 405, { ...text, Allow: 'GET, HEAD' }, 'read-only\n');
  if (path === undefined) return end(response, 404, text, 'not found\n');
  for (const mount of options.mounts) {
    const request = { path, headOnly: method === 'HEAD', knownTag: asked['if-none-match'], headers };
    if (await answerFrom(mount, response, request)) return;
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
 * Starts to serve.
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
