/**
 * Batches made ahead of time in a thread of Node, while ONNX Runtime computes on the main thread. Cases go to the
 * thread as shared memory.
 */
import { type BatchSettings, type BatchSource, createBatchSource, type TrainingCase } from '../../data/loader.ts';
import { type BatchReply, type BatchWork, createBatchQueue, shareCase, threadFailed } from '../batch-queue.ts';
import { startThread } from './thread.ts';

/**
 * Batches from a thread. Request steps in ascending order; going back works too, but makes batches again.
 * @throws {InputError} as createBatchSource, at once
 */
export function createThreadedBatchSource(cases: readonly TrainingCase[], settings: BatchSettings): BatchSource {
  createBatchSource(cases, settings);
  const thread = startThread('batch-thread', { cases: cases.map(shareCase), settings } satisfies BatchWork);
  const { source, answer, fail } = createBatchQueue({
    ask: step => thread.postMessage(step),
    end: async () => {
      await thread.terminate();
    },
  });
  thread.on('message', (reply: BatchReply) => answer(reply));
  thread.on('error', cause => fail(threadFailed(`failed: ${String(cause)}`, cause)));
  thread.on('exit', () => fail(threadFailed('has ended')));
  return source;
}
