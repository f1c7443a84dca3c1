/**
 * Batches made ahead of time in a second worker, while ONNX Runtime computes in the first. Cases go there as shared
 * memory where the page has it, otherwise as a copy.
 */
import { type BatchSettings, type BatchSource, createBatchSource, type TrainingCase } from '../../data/loader.ts';
import {
  type BatchReply,
  type BatchWork,
  createBatchQueue,
  createBatchReplies,
  shareCase,
  threadFailed,
} from '../batch-queue.ts';

/** A worker, as far as it is used. */
export interface BatchPort {
  postMessage(message: BatchWork | number): void;
  terminate(): void;
  onmessage: ((event: MessageEvent<BatchReply>) => void) | null;
  onerror: ((event: ErrorEvent) => void) | null;
}

/**
 * Batches from a worker. Request steps in ascending order; going back works too, but makes batches again.
 * @param start starts a worker whose program calls {@link serveBatches}
 * @throws {InputError} as createBatchSource, at once
 */
export function createWorkerBatchSource(
  start: () => BatchPort,
  cases: readonly TrainingCase[],
  settings: BatchSettings,
): BatchSource {
  createBatchSource(cases, settings);
  const worker = start();
  const { source, answer, fail } = createBatchQueue({
    ask: step => worker.postMessage(step),
    end: async () => {
      worker.terminate();
      fail(threadFailed('has ended'));
    },
  });
  worker.onmessage = ({ data }) => answer(data);
  worker.onerror = ({ message }) => fail(threadFailed(`failed: ${message || 'it could not start'}`));
  worker.postMessage({
    cases: globalThis.crossOriginIsolated === true ? cases.map(shareCase) : cases,
    settings,
  });
  return source;
}

/** What a worker's own side is, as far as it is used. */
export interface BatchScope {
  postMessage(message: BatchReply, options: { readonly transfer: Transferable[] }): void;
  onmessage: ((event: MessageEvent<BatchWork | number>) => void) | null;
}

/** The program of the second worker: makes the batch of every step that it is asked for. */
export function serveBatches(scope: BatchScope): void {
  let replyTo: ReturnType<typeof createBatchReplies> | undefined;
  scope.onmessage = ({ data }) => {
    if (typeof data !== 'number') {
      replyTo = createBatchReplies(data);
      return;
    }
    if (replyTo === undefined) throw new Error('internal: batches are asked for before there are cases');
    const { reply, transfer } = replyTo(data);
    scope.postMessage(reply, { transfer: [...transfer] });
  };
}
