/** `voxstill serve` as a program and as a server: what it gives, to whom, and what it keeps to itself. */
import { spawn } from 'node:child_process';
import { mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { type IncomingMessage, request } from 'node:http';
import { connect } from 'node:net';
import { networkInterfaces } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { servePage } from '../../src/platform/node/page.ts';
import type { StaticServer } from '../../src/platform/node/static-server.ts';
import { ROOT, temporaryFolder, voxstill } from '../support/program.ts';
import { writeHistory, writeRunFixture } from '../support/run-fixture.ts';

const folder = temporaryFolder();
const run = join(folder, 'run');
let server: StaticServer;

beforeAll(async () => {
  writeRunFixture(run);
  mkdirSync(join(run, '.hidden'));
  writeFileSync(join(run, '.hidden/note'), 'secret');
  writeFileSync(join(folder, 'outside.txt'), 'secret');
  symlinkSync(join(folder, 'outside.txt'), join(run, 'link.txt'));
  server = await servePage({ run, port: 0 });
});
afterAll(async () => {
  await server.close();
  rmSync(folder, { recursive: true });
});

interface Answer extends Pick<IncomingMessage, 'headers'> {
  readonly status: number | undefined;
  readonly text: string;
}

/** A request whose path goes over the wire as it is written. */
function ask(
  path: string,
  options: { readonly method?: string; readonly headers?: Record<string, string> } = {},
): Promise<Answer> {
  const { port } = new URL(server.url);
  return new Promise((resolve, reject) => {
    const sent = request({ host: '127.0.0.1', port, path, ...options }, response => {
      let text = '';
      response.setEncoding('utf8').on('data', (chunk: string) => {
        text += chunk;
      });
      response.on('end', () => resolve({ status: response.statusCode, headers: response.headers, text }));
    });
    sent.on('error', reject).end();
  });
}

describe('the server', () => {
  it('gives the page, the WebAssembly of the installed packages, and the run', async () => {
    expect(await ask('/')).toMatchObject({ status: 200, text: expect.stringContaining('<title>voxstill</title>') });
    expect(await ask('/runtime/ort-wasm-simd-threaded.mjs')).toMatchObject({ status: 200 });
    expect(await ask('/codecs/openjpegwasm_decode.wasm')).toMatchObject({ status: 200 });
    expect(await ask('/run/student/history.csv')).toMatchObject({ status: 200, text: expect.stringMatching(/^step,/) });
    expect(JSON.parse((await ask('/run.json')).text)).toEqual({
      name: 'run',
      status: 'running',
      arms: ['student', 'baseline'].map(arm => ({
        arm,
        label: arm,
        fold: null,
        seed: 1,
        model: `${arm}/model.onnx`,
        history: `${arm}/history.csv`,
      })),
      units: [],
    });
  });

  it.each([
    '/../outside.txt',
    '/run/../outside.txt',
    '/run/../../outside.txt',
    '/run/%2e%2e/outside.txt',
    '/run/..%2foutside.txt',
    '/run/..%5coutside.txt',
    '/run/%252e%252e/outside.txt',
    '/run//etc/passwd',
    '//etc/passwd',
    '/run/%00',
    '/run/%ff',
    '/run/link.txt',
    '/run/.hidden/note',
    '/package.json',
    '/runtime/../package.json',
    '/run',
    '/run/student',
    '/run/nothing',
  ])('keeps %s to itself', async path => {
    const { status, text } = await ask(path);
    expect(status).toBe(404);
    expect(text).toBe('not found\n');
  });

  it.each(['/', '/run/student/model.onnx', '/run.json', '/nothing'])(
    'sends the headers that guard and isolate with %s',
    async path => {
      const { headers } = await ask(path);
      expect(headers).toMatchObject({
        'content-security-policy': expect.stringMatching(/^default-src 'none'/),
        'x-content-type-options': 'nosniff',
        'cache-control': 'no-store',
        'cross-origin-opener-policy': 'same-origin',
        'cross-origin-embedder-policy': 'require-corp',
        'cross-origin-resource-policy': 'same-origin',
        'referrer-policy': 'no-referrer',
      });
    },
  );

  it('only reads, and only for this machine by its own names', async () => {
    expect(await ask('/', { method: 'POST' })).toMatchObject({ status: 405, headers: { allow: 'GET, HEAD' } });
    expect(await ask('/', { method: 'HEAD' })).toMatchObject({ status: 200, text: '' });
    expect(await ask('/', { headers: { host: 'evil.example' } })).toMatchObject({ status: 403 });
    expect(await ask('/', { headers: { host: 'localhost:1' } })).toMatchObject({ status: 200 });
  });

  it('listens on the loopback interface alone', async () => {
    const others = Object.values(networkInterfaces()).flatMap(list => list ?? []);
    const address = others.find(({ internal, family }) => !internal && family === 'IPv4')?.address;
    if (address === undefined) return expect(server.url).toMatch(/^http:\/\/127\.0\.0\.1:/);
    const outcome = await new Promise(resolve => {
      const socket = connect({ host: address, port: Number(new URL(server.url).port) });
      socket.on('connect', () => resolve('connected')).on('error', ({ message }) => resolve(message));
    });
    expect(outcome).toMatch(/ECONNREFUSED/);
  });

  it('sends a file again only when it has changed', async () => {
    const path = '/run/baseline/history.csv';
    const { headers, text } = await ask(path);
    const conditional = { headers: { 'if-none-match': String(headers.etag) } };
    expect(await ask(path, conditional)).toMatchObject({ status: 304, text: '' });
    writeHistory(run, 'baseline', 5);
    const after = await ask(path, conditional);
    expect(after.status).toBe(200);
    expect(after.text.length).toBeGreaterThan(text.length);
  });
});

describe('voxstill serve', () => {
  it('serves until Ctrl-C, then ends with its document', async () => {
    const child = spawn(process.execPath, [join(ROOT, 'dist/cli/main.js'), 'serve', run, '--port', '0', '--json']);
    let [stdout, stderr] = ['', ''];
    child.stdout.on('data', chunk => {
      stdout += chunk;
    });
    const url = await new Promise<string>(resolve => {
      child.stderr.on('data', chunk => {
        stderr += chunk;
        const at = /http:\/\/127\.0\.0\.1:\d+\//.exec(stderr)?.[0];
        if (at !== undefined) resolve(at);
      });
    });
    const response = await fetch(`${url}run.json`);
    expect(await response.json()).toMatchObject({ name: 'run' });
    const code = new Promise(resolve => child.on('close', resolve));
    child.kill('SIGINT');
    expect(await code).toBe(130);
    expect(JSON.parse(stdout)).toEqual({ url });
  });

  it('refuses a folder that is no run, and a port that is taken', async () => {
    expect(await voxstill(['serve', folder], { cwd: folder })).toMatchObject({
      code: 2,
      stderr: expect.stringMatching(/^E_RUN: .* is not the folder of a run/),
    });
    const { port } = new URL(server.url);
    expect(await voxstill(['serve', run, '--port', port], { cwd: folder })).toMatchObject({
      code: 2,
      stderr: expect.stringMatching(/^E_PORT: cannot listen on port \d+: it is taken\./),
    });
  });
});
