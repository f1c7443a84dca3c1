/** The thread of batch-worker.ts: makes the batch of every requested step, in order. */
import { parentPort, workerData } from 'node:worker_threads';
import { invariant, VoxstillError } from '../../core/errors.ts';
import { createBatchMaker } from '../../data/loader.ts';
import type { BatchReply, BatchWork } from './batch-worker.ts';

invariant(parentPort !== null, 'batch-thread.ts runs as a worker');
const port = parentPort;
const { cases, settings }: BatchWork = workerData;
const make = createBatchMaker(cases, settings);

port.on('message', (step: number) => {
  let reply: BatchReply;
  const buffers: ArrayBuffer[] = [];
  try {
    const batch = make(step);
    for (const { buffer } of [batch.image, batch.label]) if (buffer instanceof ArrayBuffer) buffers.push(buffer);
    reply = { step, batch };
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    const known = error instanceof VoxstillError ? { code: error.code, exitCode: error.exitCode } : undefined;
    reply = { step, failure: { message, ...(known && { known }) } };
  }
  port.postMessage(reply, buffers);
});
