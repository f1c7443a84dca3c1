/**
 * The thread of itk-codec.ts under Node: runs one of ITK's programs per message, each time in a fresh instance. Their
 * console output stays in this thread.
 */
import { readFile } from 'node:fs/promises';
import { parentPort } from 'node:worker_threads';
import { gunzipSync } from 'node:zlib';
import { invariant } from '../../core/errors.ts';
import { type PipelineCall, type PipelineFactory, runPipeline } from '../itk-pipeline.ts';
import type { PipelineReply } from './image-codec.ts';
import { ITK_FOLDER } from './itk-folder.ts';

invariant(parentPort !== null, 'itk-thread.ts runs as a worker');
const port = parentPort;

console.log = () => {};
console.warn = console.log;
console.error = console.log;

async function run(call: PipelineCall): Promise<readonly unknown[]> {
  const { default: create } = (await import(new URL(`${call.pipeline}.js`, ITK_FOLDER).href)) as {
    readonly default: PipelineFactory;
  };
  const packed = await readFile(new URL(`${call.pipeline}.wasm.gz`, ITK_FOLDER));
  return runPipeline(await create({ wasmBinary: gunzipSync(packed) }), call);
}

/** The buffers of results, which are transferred instead of copied. */
function buffersOf(results: readonly unknown[]): ArrayBuffer[] {
  const arrays = results.flatMap(result => (ArrayBuffer.isView(result) ? result : Object.values(result ?? {})));
  const buffers = arrays.flatMap(array => (ArrayBuffer.isView(array) ? array.buffer : []));
  return buffers.filter(buffer => buffer instanceof ArrayBuffer);
}

port.on('message', async (call: PipelineCall) => {
  let reply: PipelineReply;
  try {
    reply = { results: await run(call) };
  } catch (error) {
    reply = { failure: error instanceof Error ? error.message : String(error) };
  }
  port.postMessage(reply, 'results' in reply ? buffersOf(reply.results) : []);
});
