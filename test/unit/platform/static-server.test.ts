/** The server of folders: parts of files, names of this machine, and nothing left open by those who go away. */
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { type IncomingMessage, request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
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
