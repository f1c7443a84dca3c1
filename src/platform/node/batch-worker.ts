/**
 * Batches made ahead of time in a separate thread, while ONNX Runtime computes on the main thread. Cases go to the
 * thread once, as shared memory; batches come back as transferred buffers, without a copy. They are the same batches as
 * in one thread, since a batch depends on its step alone.
 */
import { type ErrorCode, InputError, WorkError } from '../../core/errors.ts';
import {
  type Batch,
  type BatchSettings,
  type BatchSource,
  createBatchSource,
  type TrainingCase,
} from '../../data/loader.ts';
import type { LabelArray } from '../../volume/volume.ts';
import { startThread } from './thread.ts';

/** Start data of the thread. */
export interface BatchWork {
  readonly cases: readonly TrainingCase[];
  readonly settings: BatchSettings;
}

/** Reply of the thread to the number of a step. */
export type BatchReply =
  | { readonly step: number; readonly batch: Batch }
  | {
      readonly step: number;
      readonly failure: {
        readonly message: string;
        readonly known?: { readonly code: ErrorCode; readonly exitCode: 1 | 2 };
      };
    };

/** Number of steps that are prepared ahead; hides an occasional slow batch at little memory. */
const LOOK_AHEAD = 3;

function shared<T extends Float32Array | LabelArray>(values: T, create: (buffer: SharedArrayBuffer) => T): T {
  if (values.buffer instanceof SharedArrayBuffer) return values;
  const copy = create(new SharedArrayBuffer(values.byteLength));
  copy.set(values);
  return copy;
}

function shareCase(trainingCase: TrainingCase): TrainingCase {
  return {
    ...trainingCase,
    image: shared<Float32Array>(trainingCase.image, buffer => new Float32Array(buffer)),
    label: shared<LabelArray>(trainingCase.label, buffer =>
      trainingCase.label instanceof Uint16Array ? new Uint16Array(buffer) : new Uint8Array(buffer),
    ),
  };
}

interface Waiting {
  readonly promise: Promise<Batch>;
  readonly resolve: (batch: Batch) => void;
  readonly reject: (error: Error) => void;
}

function createWaiting(): Waiting {
  let resolve: Waiting['resolve'] = () => {};
  let reject: Waiting['reject'] = () => {};
  const promise = new Promise<Batch>((onBatch, onError) => {
    resolve = onBatch;
    reject = onError;
  });
  // A batch that is no longer needed must not end the program if it fails.
  promise.catch(() => {});
  return { promise, resolve, reject };
}

function errorOf(reply: Extract<BatchReply, { failure: object }>): Error {
  const { message, known } = reply.failure;
  if (known === undefined) return new Error(message);
  return known.exitCode === 2 ? new InputError(known.code, message) : new WorkError(known.code, message);
}

/**
 * Batches from a thread. Request steps in ascending order; going back works too, but makes batches again.
 * @throws {InputError} as createBatchSource, at once
 */
export function createThreadedBatchSource(cases: readonly TrainingCase[], settings: BatchSettings): BatchSource {
  createBatchSource(cases, settings);
  const thread = startThread('batch-thread', { cases: cases.map(shareCase), settings } satisfies BatchWork);
  const waiting = new Map<number, Waiting>();
  let failure: Error | undefined;
  const failAll = (error: Error): void => {
    failure ??= error;
    for (const { reject } of waiting.values()) reject(failure);
  };
  thread.on('message', (reply: BatchReply) => {
    const asked = waiting.get(reply.step);
    if ('batch' in reply) asked?.resolve(reply.batch);
    else asked?.reject(errorOf(reply));
  });
  thread.on('error', cause => {
    failAll(new WorkError('E_BATCH_THREAD', `the thread that prepares batches failed: ${String(cause)}`, { cause }));
  });
  thread.on('exit', () => failAll(new WorkError('E_BATCH_THREAD', 'the thread that prepares batches has ended')));
  const ask = (step: number): Waiting => {
    const known = waiting.get(step);
    if (known !== undefined) return known;
    const asked = createWaiting();
    waiting.set(step, asked);
    if (failure === undefined) thread.postMessage(step);
    else asked.reject(failure);
    return asked;
  };
  return {
    next: async step => {
      for (const known of waiting.keys()) if (known < step || known > step + LOOK_AHEAD) waiting.delete(known);
      const { promise } = ask(step);
      for (let ahead = 1; ahead <= LOOK_AHEAD; ahead++) ask(step + ahead);
      const batch = await promise;
      waiting.delete(step);
      return batch;
    },
    close: async () => {
      await thread.terminate();
    },
  };
}
