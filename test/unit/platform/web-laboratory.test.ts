/** The parts of a laboratory in a page: batches from a worker, the owner of a folder, and what a browser tells. */
import { describe, expect, it } from 'vitest';
import { random } from '../../../src/core/random.ts';
import { type BatchSettings, makeBatch, type TrainingCase } from '../../../src/data/loader.ts';
import {
  type BatchPort,
  type BatchScope,
  createWorkerBatchSource,
  serveBatches,
} from '../../../src/platform/web/batch-worker.ts';
import { holdFolder, type Locks } from '../../../src/platform/web/held-folder.ts';
import { browserName } from '../../../src/platform/web/machine.ts';

const SETTINGS: BatchSettings = { seed: 3, batch: 2, patchSize: [4, 4, 4], foreground: 0.5, padding: 'constant' };

function trainingCase(id: string): TrainingCase {
  const source = random(id);
  const voxels = 6 * 5 * 4;
  return {
    id,
    image: Float32Array.from({ length: voxels }, () => source.uniform()),
    label: Uint8Array.from({ length: voxels }, () => source.integer(3)),
    sizeVoxels: [6, 5, 4],
    spacingMm: [1, 1, 1],
    channels: 1,
  };
}

const CASES = ['a', 'b', 'c'].map(trainingCase);

/** A worker whose program runs here; messages are copied, as between threads. */
function startWorker(): BatchPort & { readonly asked: number[] } {
  const asked: number[] = [];
  const scope: BatchScope = {
    onmessage: null,
    postMessage: (message, { transfer }) => {
      const data = structuredClone(message, { transfer });
      queueMicrotask(() => port.onmessage?.({ data } as MessageEvent));
    },
  };
  const port: ReturnType<typeof startWorker> = {
    asked,
    onmessage: null,
    onerror: null,
    postMessage: message => {
      if (typeof message === 'number') asked.push(message);
      const data = structuredClone(message);
      queueMicrotask(() => scope.onmessage?.({ data } as MessageEvent));
    },
    terminate: () => {
      scope.onmessage = null;
    },
  };
  serveBatches(scope);
  return port;
}

describe('createWorkerBatchSource', () => {
  it('gives the batches of one thread, in order, with a jump and backwards', async () => {
    const worker = startWorker();
    const source = createWorkerBatchSource(() => worker, CASES, SETTINGS);
    for (const step of [0, 1, 2, 9, 4]) expect(await source.next(step)).toEqual(makeBatch(CASES, SETTINGS, step));
    expect(worker.asked.slice(0, 4)).toEqual([0, 1, 2, 3]);
  });

  it('fails after it was closed, and where the worker fails, rather than hang', async () => {
    const closed = createWorkerBatchSource(startWorker, CASES, SETTINGS);
    await closed.close();
    await expect(closed.next(0)).rejects.toMatchObject({ code: 'E_BATCH_THREAD' });
    const worker = startWorker();
    const failed = createWorkerBatchSource(() => worker, CASES, SETTINGS);
    worker.onerror?.({ message: 'no memory' } as ErrorEvent);
    await expect(failed.next(0)).rejects.toThrow('no memory');
  });

  it('refuses cases that no batch can be made of, before a worker starts', () => {
    const never = (): BatchPort => {
      throw new Error('started');
    };
    expect(() => createWorkerBatchSource(never, [], SETTINGS)).toThrow(expect.objectContaining({ code: 'E_NO_CASES' }));
  });
});

/** The locks of a browser with one lock. */
function createLocks(): Locks {
  let isHeld = false;
  const request = async (_: string, __: LockOptions, use: (lock: Lock | null) => unknown): Promise<unknown> => {
    if (isHeld) return use(null);
    isHeld = true;
    try {
      return await use({ mode: 'exclusive', name: '' });
    } finally {
      isHeld = false;
    }
  };
  return { request } as unknown as Locks;
}

describe('holdFolder', () => {
  it('gives a folder to one at a time, and to the next after it was let go', async () => {
    const locks = createLocks();
    const first = await holdFolder('session one', locks);
    await expect(holdFolder('session one', locks)).rejects.toMatchObject({ code: 'E_SESSION_HELD' });
    first.release();
    await new Promise(resolve => setTimeout(resolve, 0));
    expect(await holdFolder('session one', locks)).toBeDefined();
  });
});

describe('browserName', () => {
  it.each([
    [
      'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36',
      'Chrome 142.0.0.0',
    ],
    [
      'Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36 Edg/142.0.0.0',
      'Edg 142.0.0.0',
    ],
    ['Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0', 'Firefox 140.0'],
    [
      'Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/26.0 Safari/605.1.15',
      'Safari 26.0',
    ],
    ['something new', 'something new'],
  ])('reads %s', (userAgent, name) => {
    expect(browserName(userAgent)).toBe(name);
  });
});
