/**
 * The other end of itk-codec.ts under Node, in its own thread: runs one of ITK's pipelines per message. ITK writes its complaints to the
 * console and may end in a bare number as an exception; both stay in this thread and become the message of a failure.
 */
import { fileURLToPath } from 'node:url';
import { parentPort } from 'node:worker_threads';
import { InterfaceTypes, runPipelineNode } from 'itk-wasm';
import { invariant } from '../../core/errors.ts';
import { type PipelineCall, pipelineInterfaces, pipelineResults } from '../itk-codec.ts';
import type { PipelineReply } from './image-codec.ts';

invariant(parentPort !== null, 'itk-thread.ts runs as a worker');
const port = parentPort;

const complaints: string[] = [];
const complain = (...parts: readonly unknown[]): void => {
  complaints.push(parts.join(' '));
};
console.log = complain;
console.warn = complain;
console.error = complain;

/** Where the installed packages keep their entry, beside which the pipelines lie. */
const PACKAGES = {
  'image-io': import.meta.resolve('@itk-wasm/image-io'),
  dicom: import.meta.resolve('@itk-wasm/dicom'),
} as const satisfies Record<PipelineCall['package'], string>;

/** What itk-wasm says around ITK's own words. */
const FRAME = /^(Exception while running pipeline:|stdout:|stderr:|Build module in Debug mode.*)\s*/gm;

/** ITK's own words; itk-wasm repeats them. */
function complaint(stderr: string): string {
  const lines = [...complaints, stderr].join('\n').replace(FRAME, '').split('\n');
  return [...new Set(lines.map(line => line.trim()).filter(line => line !== ''))].join('; ');
}

async function run(call: PipelineCall): Promise<readonly unknown[]> {
  const path = fileURLToPath(new URL(`pipelines/${call.pipeline}`, PACKAGES[call.package]));
  const { outputs, inputs } = pipelineInterfaces(call, InterfaceTypes);
  const result = await runPipelineNode(path, [...call.args], outputs, inputs);
  if (result.returnValue !== 0) throw new Error(complaint(result.stderr) || 'it is not of this format');
  return pipelineResults(call, result.outputs);
}

port.on('message', async (call: PipelineCall) => {
  complaints.length = 0;
  let reply: PipelineReply;
  try {
    reply = { results: await run(call) };
  } catch (error) {
    // Emscripten throws C++ exceptions as numbers.
    const reason = error instanceof Error ? error.message : complaint('');
    reply = { failure: reason || 'the file is damaged' };
  }
  port.postMessage(reply);
});
