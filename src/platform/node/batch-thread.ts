/** The thread of batch-worker.ts: makes the batch of every requested step, in order. */
import { parentPort, workerData } from 'node:worker_threads';
import { invariant } from '../../core/errors.ts';
import { createBatchReplies } from '../batch-queue.ts';

invariant(parentPort !== null, 'batch-thread.ts runs as a worker');
const port = parentPort;
const replyTo = createBatchReplies(workerData);

port.on('message', (step: number) => {
  const { reply, transfer } = replyTo(step);
  port.postMessage(reply, transfer);
});
