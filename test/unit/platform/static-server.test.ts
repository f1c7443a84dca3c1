/** The server of folders: parts of files, names of this machine, and nothing left open by those who go away. */
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { type IncomingMessage, request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { brotliDecompressSync, gunzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { compressedForms } from '../../../src/platform/node/compressed.ts';
import { type StaticServer, startStaticServer } from '../../../src/platform/node/static-server.ts';

const folder = mkdtempSync(join(tmpdir(), 'voxstill-server-'));
const TEN = '0123456789';
let server: StaticServer;

beforeAll(async () => {
  writeFileSync(join(folder, 'ten.csv'), TEN);
  writeFileSync(join(folder, 'empty.csv'), '');
  // more than fits between two sockets, so that a download is still under way when the other side leaves
  writeFileSync(join(folder, 'large.bin'), new Uint8Array(16e6));
  server = await startStaticServer({ mounts: [{ prefix: '/', folder }], port: 0, policy: () => "default-src 'none'" });
});
afterAll(async () => {
  await server.close();
  rmSync(folder, { recursive: true });
});

interface Answer extends Pick<IncomingMessage, 'headers'> {
  readonly status: number | undefined;
  readonly text: string;
}

function ask(path: string, headers: Record<string, string> = {}, method = 'GET'): Promise<Answer> {
  const { port } = new URL(server.url);
  return new Promise((resolve, reject) => {
    const sent = request({ host: '127.0.0.1', port, path, headers, method }, response => {
      let text = '';
      response.setEncoding('utf8').on('data', (chunk: string) => {
        text += chunk;
      });
      response.on('end', () => resolve({ status: response.statusCode, headers: response.headers, text }));
    });
    sent.on('error', reject).end();
  });
}

/** Begins a download and goes away when the first bytes are there. */
function leaveDownload(): Promise<void> {
  return new Promise((resolve, reject) => {
    const { port } = new URL(server.url);
    const sent = request({ host: '127.0.0.1', port, path: '/large.bin' }, response => {
      response.once('data', () => {
        sent.destroy();
        resolve();
      });
    });
    sent.on('error', reject).end();
  });
}

describe('a part of a file', () => {
  it.each([
    ['bytes=0-3', '0123', 'bytes 0-3/10'],
    ['bytes=4-', '456789', 'bytes 4-9/10'],
    ['bytes=-3', '789', 'bytes 7-9/10'],
    ['bytes=-30', TEN, 'bytes 0-9/10'],
    ['bytes=8-100', '89', 'bytes 8-9/10'],
    ['bytes=0-0', '0', 'bytes 0-0/10'],
  ])('%s is sent alone', async (range, text, place) => {
    const answer = await ask('/ten.csv', { range });
    expect(answer).toMatchObject({ status: 206, text });
    expect(answer.headers).toMatchObject({ 'content-range': place, 'content-length': String(text.length) });
  });

  it.each(['bytes=10-', 'bytes=20-30', 'bytes=-0'])('%s is said not to be there', async range => {
    const answer = await ask('/ten.csv', { range });
    expect(answer).toMatchObject({ status: 416, text: '' });
    expect(answer.headers['content-range']).toBe('bytes */10');
  });

  it.each(['bytes=0-1,4-5', 'bytes=3-1', 'bytes=-', 'lines=1-2', 'bytes=a-b'])('%s gets all of it', async range => {
    const answer = await ask('/ten.csv', { range });
    expect(answer).toMatchObject({ status: 200, text: TEN });
    expect(answer.headers['accept-ranges']).toBe('bytes');
  });

  it('of another version gets all of it', async () => {
    const { etag = '' } = (await ask('/ten.csv')).headers;
    expect(await ask('/ten.csv', { range: 'bytes=0-1', 'if-range': etag })).toMatchObject({ status: 206 });
    expect(await ask('/ten.csv', { range: 'bytes=0-1', 'if-range': '"old"' })).toMatchObject({
      status: 200,
      text: TEN,
    });
  });

  it('is not asked of a head or of an empty file', async () => {
    expect(await ask('/ten.csv', { range: 'bytes=0-1' }, 'HEAD')).toMatchObject({ status: 200, text: '' });
    expect(await ask('/empty.csv')).toMatchObject({ status: 200, text: '' });
    expect(await ask('/empty.csv', { range: 'bytes=0-1' })).toMatchObject({ status: 416 });
  });
});

describe('the server', () => {
  it.each(['localhost', 'LOCALHOST:8080', 'LocalHost', '127.0.0.1', '[::1]:1'])(
    'answers to the name %s',
    async host => {
      expect(await ask('/ten.csv', { host })).toMatchObject({ status: 200 });
    },
  );

  it.each(['localhost.example', 'example.org', '127.0.0.1.example'])('does not answer to %j', async host => {
    expect(await ask('/ten.csv', { host })).not.toMatchObject({ status: 200 });
  });

  it.skipIf(process.platform !== 'linux')('closes the files of downloads that are left', async () => {
    const openFiles = (): number => readdirSync('/proc/self/fd').length;
    await leaveDownload();
    const before = openFiles();
    for (let i = 0; i < 30; i++) await leaveDownload();
    await expect.poll(openFiles, { timeout: 10_000 }).toBeLessThan(before + 10);
    expect(await ask('/ten.csv')).toMatchObject({ status: 200, text: TEN });
  });
});

describe('a file of the page', () => {
  const CODE = 'const answer = 42;\n'.repeat(200);
  const page = mkdtempSync(join(tmpdir(), 'voxstill-page-'));
  let pages: StaticServer;
  beforeAll(async () => {
    const forms = await compressedForms(new TextEncoder().encode(CODE));
    for (const name of ['both.js', 'packed.js']) writeFileSync(join(page, `${name}.br`), forms.br);
    writeFileSync(join(page, 'both.js'), CODE);
    writeFileSync(join(page, 'both.js.gz'), forms.gzip);
    writeFileSync(join(page, 'page.html'), '<html>');
    const mounts = [{ prefix: '/', folder: page, isCompressed: true }] as const;
    pages = await startStaticServer({ mounts, port: 0, policy: () => '' });
  });
  afterAll(async () => {
    await pages.close();
    rmSync(page, { recursive: true });
  });

  /** The bytes as they go over the wire. */
  function askPage(path: string, headers: Record<string, string> = {}) {
    return new Promise<{ status: number; headers: IncomingMessage['headers']; body: Buffer }>((resolve, reject) => {
      const { port } = new URL(pages.url);
      const sent = request({ host: '127.0.0.1', port, path, headers }, response => {
        const parts: Buffer[] = [];
        response.on('data', part => parts.push(part));
        response.on('end', () =>
          resolve({ status: response.statusCode ?? 0, headers: response.headers, body: Buffer.concat(parts) }),
        );
      });
      sent.on('error', reject).end();
    });
  }
  const unpack = { br: brotliDecompressSync, gzip: gunzipSync, plain: (body: Buffer) => body } as const;

  it.each([
    ['/both.js', 'gzip, deflate, br', 'br'],
    ['/both.js', 'gzip', 'gzip'],
    ['/both.js', 'br;q=0.1, gzip', 'gzip'],
    ['/both.js', 'br;q=0, *', 'gzip'],
    ['/both.js', 'identity', 'plain'],
    ['/both.js', '', 'plain'],
    ['/packed.js', 'br', 'br'],
    ['/packed.js', 'gzip', 'plain'],
  ] as const)('%s is sent to one who takes "%s" as %s', async (path, accepted, form) => {
    const { status, headers, body } = await askPage(path, accepted === '' ? {} : { 'accept-encoding': accepted });
    expect(status).toBe(200);
    expect(headers['content-encoding']).toBe(form === 'plain' ? undefined : form);
    expect(headers).toMatchObject({ vary: 'Accept-Encoding', 'cache-control': 'no-cache' });
    expect(headers['content-type']).toBe('text/javascript; charset=utf-8');
    expect(headers['content-length']).toBe(String(body.length));
    expect(unpack[form](body).toString()).toBe(CODE);
  });

  it.each(['/both.js', '/packed.js'])(
    '%s has a tag for each form, and its parts are those of the plain one',
    async path => {
      const br = await askPage(path, { 'accept-encoding': 'br' });
      const plain = await askPage(path);
      expect(br.headers.etag).not.toBe(plain.headers.etag);
      expect(br.headers['accept-ranges']).toBeUndefined();
      const tags = `W/"other", ${br.headers.etag}`;
      const again = await askPage(path, { 'accept-encoding': 'br', 'if-none-match': tags });
      expect({ status: again.status, tag: again.headers.etag }).toEqual({ status: 304, tag: br.headers.etag });
      expect(again.headers.vary).toBe('Accept-Encoding');
      expect((await askPage(path, { 'if-none-match': tags })).status).toBe(200);
      const part = await askPage(path, { 'accept-encoding': 'br', range: 'bytes=6-11' });
      expect(part).toMatchObject({ status: 206, body: Buffer.from('answer') });
      expect(part.headers['content-encoding']).toBeUndefined();
      expect(part.headers['content-range']).toBe(`bytes 6-11/${CODE.length}`);
      const changed = { 'accept-encoding': 'br', range: 'bytes=6-11', 'if-range': String(br.headers.etag) };
      expect((await askPage(path, changed)).status).toBe(200);
    },
  );

  it('of another kind is sent as it is, and not kept', async () => {
    const { headers, body } = await askPage('/page.html', { 'accept-encoding': 'br' });
    expect(body.toString()).toBe('<html>');
    expect(headers).toMatchObject({ 'cache-control': 'no-store' });
    expect(headers.vary).toBeUndefined();
  });
});
