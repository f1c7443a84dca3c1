/**
 * Batches made ahead of time in another thread, for any kind of thread: which steps are asked for, and what becomes of
 * the answers. Cases go to the thread once, batches come back as transferred buffers, without a copy. They are the same
 * batches as in one thread, since a batch depends on its step alone.
 */
import { type ErrorCode, InputError, VoxstillError, WorkError } from '../core/errors.ts';
import {
  type Batch,
  type BatchSettings,
  type BatchSource,
  createBatchMaker,
  type TrainingCase,
} from '../data/loader.ts';
import type { LabelArray } from '../volume/volume.ts';

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

/** A thread, seen from the one that asks for batches. */
export interface BatchThread {
  /** Sends the number of a step. */
  ask(step: number): void;
  end(): Promise<void>;
}

/** Batches from a thread, and where that which the thread says goes. */
export interface BatchQueue {
  readonly source: BatchSource;
  answer(reply: BatchReply): void;
  /** The thread is no more: every batch that is asked for fails. */
  fail(error: Error): void;
}

/** Number of steps that are prepared ahead; hides an occasional slow batch at little memory. */
const LOOK_AHEAD = 3;

function shared<T extends Float32Array | LabelArray>(values: T, create: (buffer: SharedArrayBuffer) => T): T {
  if (values.buffer instanceof SharedArrayBuffer) return values;
  const copy = create(new SharedArrayBuffer(values.byteLength));
  copy.set(values);
  return copy;
}

/** A case in memory that two threads can read at once. */
export function shareCase(trainingCase: TrainingCase): TrainingCase {
  return {
    ...trainingCase,
    image: shared<Float32Array>(trainingCase.image, buffer => new Float32Array(buffer)),
    label: shared<LabelArray>(trainingCase.label, buffer =>
      trainingCase.label instanceof Uint16Array ? new Uint16Array(buffer) : new Uint8Array(buffer),
    ),
  };
}

/** The thread's side: makes the batch of every requested step, in order. */
export function createBatchReplies({
  cases,
  settings,
}: BatchWork): (step: number) => { readonly reply: BatchReply; readonly transfer: readonly ArrayBuffer[] } {
  const make = createBatchMaker(cases, settings);
  return step => {
    try {
      const batch = make(step);
      const buffers = [batch.image.buffer, batch.label.buffer].filter(buffer => buffer instanceof ArrayBuffer);
      return { reply: { step, batch }, transfer: buffers };
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error);
      const known = error instanceof VoxstillError ? { code: error.code, exitCode: error.exitCode } : undefined;
      return { reply: { step, failure: { message, ...(known && { known }) } }, transfer: [] };
    }
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

/** The error of a thread that has ended without being asked to. */
export function threadFailed(reason: string, cause?: unknown): WorkError {
  return new WorkError('E_BATCH_THREAD', `the thread that prepares batches ${reason}`, { cause });
}

/** Batches from a thread. Request steps in ascending order; going back works too, but makes batches again. */
export function createBatchQueue(thread: BatchThread): BatchQueue {
  const waiting = new Map<number, Waiting>();
  let failure: Error | undefined;
  const ask = (step: number): Waiting => {
    const known = waiting.get(step);
    if (known !== undefined) return known;
    const asked = createWaiting();
    waiting.set(step, asked);
    if (failure === undefined) thread.ask(step);
    else asked.reject(failure);
    return asked;
  };
  return {
    answer: reply => {
      const asked = waiting.get(reply.step);
      if ('batch' in reply) asked?.resolve(reply.batch);
      else asked?.reject(errorOf(reply));
    },
    fail: error => {
      failure ??= error;
      for (const { reject } of waiting.values()) reject(failure);
    },
    source: {
      next: async step => {
        for (const known of waiting.keys()) if (known < step || known > step + LOOK_AHEAD) waiting.delete(known);
        const { promise } = ask(step);
        for (let ahead = 1; ahead <= LOOK_AHEAD; ahead++) ask(step + ahead);
        const batch = await promise;
        waiting.delete(step);
        return batch;
      },
      close: () => thread.end(),
    },
  };
}
