/**
 * The page's side of its worker. The worker starts with the first job and stays, so that ONNX Runtime is compiled once;
 * cancelling ends it at once, whatever it computes, and gives all of its memory back. A crash is a failed job, and the
 * next job starts a new worker.
 */
import { WorkError } from '../src/core/errors.ts';
import type { Job, Reply } from './protocol.ts';
import { startWorker } from './start-worker.ts';

export interface Client {
  /**
   * Does a job.
   * @param onReply sees what comes before the last reply
   * @throws {WorkError} with the worker's code and message; E_WORKER if it crashed; E_CANCELLED
   */
  run<K extends Reply['kind']>(job: Job, last: K, onReply?: (reply: Reply) => void): Promise<Reply & { kind: K }>;
  /** Ends the job under way, if there is one. */
  cancel(): void;
}

export function createClient(): Client {
  let worker: Worker | undefined;
  let fail: ((error: WorkError) => void) | undefined;
  const end = (error: WorkError): void => {
    worker?.terminate();
    worker = undefined;
    fail?.(error);
  };
  return {
    run: (job, last, onReply) =>
      new Promise((resolve, reject) => {
        worker ??= startWorker();
        fail = reject;
        worker.onmessage = ({ data: reply }: MessageEvent<Reply>) => {
          if (reply.kind === 'failed') reject(new WorkError(reply.code, reply.message));
          else if (reply.kind === last) resolve(reply as Reply & { kind: typeof last });
          else onReply?.(reply);
        };
        worker.onerror = ({ message }) =>
          end(
            new WorkError(
              'E_WORKER',
              `the worker that computes has ended${message ? `: ${message}` : ''}. Try again, with a smaller image if it was short of memory.`,
            ),
          );
        worker.postMessage(job);
      }),
    cancel: () => end(new WorkError('E_CANCELLED', 'cancelled')),
  };
}
